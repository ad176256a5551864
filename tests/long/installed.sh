# installed.sh DESTDIR BINDIR LIBDIR - the installed programs run the manual's
# examples, and a program of somebody else's builds and runs with engramcore.pc,
# against the shared library and the static one.
set -eu
: "${top_srcdir:?is set by make installcheck}" "${CC:?}"
destdir=$1
bindir=$2
libdir=$3

ENGRAM_BINDIR=$destdir$bindir sh "$top_srcdir/tests/man/examples.sh"

work=$(mktemp -d "${TMPDIR-/tmp}/engram-installed.XXXXXX")
trap 'rm -rf "$work"' EXIT
PKG_CONFIG_PATH=$destdir$libdir/pkgconfig
export PKG_CONFIG_PATH
[ -z "$destdir" ] || export PKG_CONFIG_SYSROOT_DIR="$destdir"

# build NAME FLAG...: prints what the consumer recalls.
build()
{
	program=$work/$1
	shift
	# shellcheck disable=SC2046,SC2086 # lists of words
	$CC -o "$program" "$top_srcdir/tests/long/consumer.c" "$@"
	LD_LIBRARY_PATH=$destdir$libdir "$program" "$program.home"
}

# shellcheck disable=SC2046 # lists of words
{
	[ "$(build shared $(pkg-config --cflags --libs engramcore))" = "Ada likes green tea" ]
	[ "$(build static $(pkg-config --cflags engramcore) "$destdir$libdir/libengramcore.a" \
		$(pkg-config --static --libs-only-l engramcore | sed 's/-lengramcore//'))" = "Ada likes green tea" ]
}
echo "installed programs, header, libraries and engramcore.pc work"
