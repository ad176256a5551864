# imports.sh - which symbols of the system each area imports.
#
# Only sys touches clock, random numbers, files, sockets, processes, environment
# and threads; only base/alloc touches memory, only store LMDB; nobody imports
# SQLite, which is opened when first needed.  The objects tell the truth, whatever
# the sources include.
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?}"
. "$top_srcdir/tests/lib/tap.sh"
: "${NM:=nm}"

here=$top_srcdir/tests/checks
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT

# imports: of the objects named on stdin, one a line, what is denied.
imports()
{
	# shellcheck disable=SC2086 # NM may carry flags
	xargs $NM -A -u | awk -f "$here/imports.awk" "$here/denied.txt" "$here/denied-except.txt" - | sort -u
}

areas=$(sed -n 's/^\([a-z]*\).*/\1/p' "$here/layers.txt" | grep -v '^cmd$')
for area in $areas; do
	objects=$(cd "$top_builddir" && find lib -path "lib/$area/*.o" | sort)
	if [ -z "$objects" ]; then
		skip "imports of $area" "no objects"
	else
		is "$(cd "$top_builddir" && echo "$objects" | imports)" "" "imports of $area"
	fi
done

# What this check must find, found in an object that has it.
mkdir -p "$scratch/lib/merge" "$scratch/lib/sys" "$scratch/lib/sql"
cat >"$scratch/lib/merge/bad.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
int sqlite3_step(void *);
int bad(char *p);
int bad(char *p)
{
	char *q = strdup(p);
	free(q);
	return (int)time(NULL) + rand() + (int)read(0, p, 9) + sqlite3_step(p) + (getenv(p) != NULL) + (int)strlen(p);
}
END
cp "$scratch/lib/merge/bad.c" "$scratch/lib/sys/good.c"
for name in merge/bad sys/good; do
	# shellcheck disable=SC2086 # CC may carry flags
	${CC:-cc} -O0 -c -o "$scratch/lib/$name.o" "$scratch/lib/$name.c" || exit 99
done
is "$(cd "$scratch" && find lib -name '*.o' | imports | sed 's/@[^:]*//')" 'merge/bad imports free: memory
merge/bad imports getenv: environment
merge/bad imports rand: random
merge/bad imports read: file
merge/bad imports sqlite3_step: sqlite
merge/bad imports strdup: memory
merge/bad imports time: clock
sys/good imports free: memory
sys/good imports sqlite3_step: sqlite
sys/good imports strdup: memory' "planted imports are found"
done_testing
