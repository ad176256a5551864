# ENGRAM_COMPILER_FLAGS: warnings, hardening and sanitizers, each kept only if
# the compiler takes it.  Results in ENGRAM_CFLAGS, ENGRAM_LDFLAGS.
AC_DEFUN([ENGRAM_TRY_CFLAG],[
	AS_VAR_PUSHDEF([cached],[engram_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC takes $1],[cached],[
		engram_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([],[])],[AS_VAR_SET([cached],[yes])],[AS_VAR_SET([cached],[no])])
		CFLAGS=$engram_save_CFLAGS])
	AS_VAR_IF([cached],[yes],[ENGRAM_CFLAGS="$ENGRAM_CFLAGS $1"])
	AS_VAR_POPDEF([cached])])

AC_DEFUN([ENGRAM_COMPILER_FLAGS],[
	# Fused multiply-add changes bits even of intrinsics: never.
	ENGRAM_CFLAGS="-std=gnu11 -ffp-contract=off -fno-strict-aliasing -fvisibility=hidden"
	ENGRAM_LDFLAGS=
	ENGRAM_PROGRAM_LDFLAGS=
	m4_foreach_w([flag],[-Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes
		-Wold-style-definition -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough
		-Wcast-align -Wno-unused-parameter],[ENGRAM_TRY_CFLAG(flag)])
	AS_IF([test "x$enable_werror" = xyes],[ENGRAM_CFLAGS="$ENGRAM_CFLAGS -Werror"])
	AS_IF([test "x$enable_asan" = xyes],[
		ENGRAM_CFLAGS="$ENGRAM_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g"
		ENGRAM_LDFLAGS="-fsanitize=address,undefined"],
	[test "x$enable_tsan" = xyes],[
		ENGRAM_CFLAGS="$ENGRAM_CFLAGS -fsanitize=thread -g"
		ENGRAM_LDFLAGS="-fsanitize=thread"],[
		m4_foreach_w([flag],[-fstack-protector-strong -fstack-clash-protection -fcf-protection
			-ftrivial-auto-var-init=zero],[ENGRAM_TRY_CFLAG(flag)])
		AS_CASE([" $CFLAGS "],[*" -O0 "*],[],[ENGRAM_CFLAGS="$ENGRAM_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
		ENGRAM_LDFLAGS="-Wl,-z,relro,-z,now"])
	AS_IF([test "x$enable_coverage" = xyes],[
		ENGRAM_CFLAGS="$ENGRAM_CFLAGS --coverage"
		ENGRAM_LDFLAGS="$ENGRAM_LDFLAGS --coverage"])
])
