#!/bin/sh
# index_same.sh [ROWS] - the graphs are the same bytes from every compiler at every
# optimisation level: test_index_same of 20,000 rows, compiled with gcc and clang at
# -O0 and -O3; each compares kernels, numbers of threads and repetitions itself.
# top_srcdir and top_builddir are set by make check-index-same: some minutes.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"

rows=${1:-20000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for cc in gcc clang; do
	for level in -O0 '-O3 -march=native'; do
		# shellcheck disable=SC2086
		"$cc" $level -w -std=gnu11 -D_GNU_SOURCE -ffp-contract=off -I"$top_builddir" -I"$top_srcdir/lib" \
			-o "$work/same" "$top_srcdir"/tests/unit/test_index_same.c "$top_srcdir"/lib/index/*.c \
			"$top_srcdir"/lib/sys/*.c "$top_srcdir"/lib/base/*.c -lpthread -ldl
		"$work/same" "$rows" >"$work/out" || { cat "$work/out" >&2; exit 1; }
		found=$(sed -n 's/^# digest //p' "$work/out")
		echo "$cc $level: $found"
		: "${want:=$found}"
		[ "$found" = "$want" ] || { echo "index_same.sh: wanted $want" >&2; exit 1; }
	done
done
