# symbols.sh - what libengramcore exports is what engram.h declares, and it needs
# no other library than LMDB and the C library's.
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?}"
. "$top_srcdir/tests/lib/tap.sh"
: "${NM:=nm}"

# Functions marked ENGRAM_API: the name before the first parenthesis behind it.
declared()
{
	sed '/^#/d' "$top_srcdir/lib/engram.h" | tr '\n' ' ' | sed 's,/\*[^*]*\**\([^/*][^*]*\**\)*/,,g' |
		grep -o 'ENGRAM_API [^(;]*(' | sed 's/.*[^a-z0-9_]\([a-z0-9_]*\) *($/\1/' | sort
}

# The version node itself is a symbol, of type A.
exported()
{
	# shellcheck disable=SC2086 # NM may carry flags
	$NM -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort
}

needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | sort; }

library=$top_builddir/.libs/libengramcore.so
if [ ! -f "$library" ]; then
	echo "1..0 # SKIP no shared library was built"
	exit 0
fi

# A reading of the header that finds nothing must not pass for agreement.
declared | grep -qx engram_recall
ok $? "the header's functions are found"
is "$(exported "$library")" "$(declared)" "libengramcore.so exports what engram.h declares"
is "$(needed "$library" | grep -vE '^(liblmdb|libc|libdl|libm|libpthread|ld-linux|lib[a-z]*san)[.-]')" "" \
	"libengramcore.so needs only LMDB and the C library"
done_testing
