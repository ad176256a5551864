#!/bin/sh
# same.sh - one seed is one run, whatever compiled it: gcc -O0 and clang -O3.
# Usage: same.sh [SEEDS]; top_srcdir and top_builddir are set by make check-sim-same.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # COMPILER LEVEL OUT
	for f in "$top_srcdir"/tests/sim/*.c "$top_srcdir"/lib/sync/*.c "$top_srcdir"/lib/merge/*.c \
		"$top_srcdir"/lib/frame/*.c "$top_srcdir"/lib/base/*.c; do
		case $f in */test_*) ;; *) printf '"%s"\n' "$f" ;; esac
	done >"$work/sources"
	"$1" "$2" -w -std=gnu11 -D_GNU_SOURCE -I"$top_builddir" -I"$top_srcdir/lib" -I"$top_builddir/tests/sim" -o "$work/$3" @"$work/sources"
	SIM_SEEDS="${SEEDS:-200}" SIM_HASHES=1 "$work/$3" | sed -n 's/^# \([0-9]* [0-9a-f]*\)$/\1/p' >"$work/$3.hashes"
}

SEEDS=${1:-200}
build gcc -O0 low
build clang -O3 high
cmp "$work/low.hashes" "$work/high.hashes"
echo "$SEEDS seeds: gcc -O0 and clang -O3 went the same way"
