# layers.sh - includes point down only, LMDB and SQLite are known to one area
# each, and every header can be included alone.
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?}"
: "${CC:=cc}"
. "$top_srcdir/tests/lib/tap.sh"

here=$top_srcdir/tests/checks
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT

# violations TREE: the includes of TREE that are not allowed.
violations()
{
	(cd "$1" && find lib/*/ cmd -name '*.[ch]' | sort |
		xargs awk -f "$here/layers.awk" "$here/layers.txt")
}

# alone HEADER COMPILER...: what the compiler says about the header by itself.
# Flags are as for the library (LMDB, SQLite and xxHash are looked for where
# configure found them).
alone()
{
	header=$1
	shift
	printf '#include "%s"\n' "$header" |
		"$@" -fsyntax-only -Wall -Wextra -Werror -D_GNU_SOURCE -I"$top_builddir" -I"$top_srcdir/lib" \
			-I"$top_srcdir" - 2>&1
}

is "$(violations "$top_srcdir")" "" "includes point down only"

# What this check must find, found in a tree that has it.
mkdir -p "$scratch/lib/base" "$scratch/lib/store" "$scratch/lib/new" "$scratch/cmd/engram-x"
printf '#include "config.h"\n#include "engram.h"\n#include "base/num.h"\n#include "near.h"\n' >"$scratch/lib/base/good.c"
printf '#include "log/log.h"\n' >"$scratch/lib/base/up.c"
printf '#  include <lmdb.h>\n#include <sqlite3.h>\n' >"$scratch/lib/store/db.c"
printf '#include "sys/sys_int.h"\n' >"$scratch/lib/store/inner.c"
printf '\n' >"$scratch/lib/new/x.c"
printf '#include "base/num.h"\n#include "common/out.h"\n#include "space/space.h"\n' >"$scratch/cmd/engram-x/main.c"
is "$(violations "$scratch")" 'cmd/engram-x/main.c:3: #include "space/space.h": cmd may not include space
lib/base/up.c:1: #include "log/log.h": base may not include log
lib/new/x.c:1: : area not in layers.txt
lib/store/db.c:2: #include <sqlite3.h>: only sql may know SQLite
lib/store/inner.c:1: #include "sys/sys_int.h": internal to sys' "planted violations are found"

# CC may carry flags.
for header in $(cd "$top_srcdir/lib" && find . -name '*.h' | sort); do
	# shellcheck disable=SC2086
	is "$(alone "${header#./}" $CC -x c -std=gnu11)" "" "${header#./} compiles alone"
done
for header in $(cd "$top_srcdir" && find cmd -name '*.h' | sort); do
	# shellcheck disable=SC2086
	is "$(alone "$header" $CC -x c -std=gnu11 -I"$top_srcdir/cmd")" "" "$header compiles alone"
done
if command -v c++ >/dev/null; then
	is "$(alone engram.h c++ -x c++ -std=c++11)" "" "engram.h compiles alone as C++"
else
	skip "engram.h compiles alone as C++" "no C++ compiler"
fi
done_testing
