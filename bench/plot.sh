#!/bin/sh
# plot.sh - pictures of what the benches found, as PNG.
#
#     bench/plot.sh BUILDDIR [DIR]      into DIR (BUILDDIR/bench/plots)
#
#     recall-SET.png      recall@10 against searches a second, engram and its peers
#                         (make bench-ann JOB=search)
#     latency-NAME.png    how long operations took, as a distribution
#                         (make bench BENCH=workload)
#
# Needs gnuplot (Debian: gnuplot-nox) and jq.  What was not run is not drawn.
set -eu

build=$1
dir=${2:-$build/bench/plots}
for tool in gnuplot jq; do
	if ! command -v "$tool" >/dev/null; then
		echo "plot.sh: $tool is not installed (Debian: gnuplot-nox, jq); nothing was drawn" >&2
		exit 1
	fi
done
mkdir -p "$dir"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Tables of two columns, one for each name, in the order of the results: points NAME FILE
# FILTER, where FILTER gives {name, x, y}.  Prints how gnuplot is to draw them.
curves() {
	jq -r "$2 | [.name, .x, .y] | @tsv" "$1" |
		awk -F '\t' -v at="$tmp/curve" '
		!($1 in file) { file[$1] = at NR; name[++n] = $1 }
		{ print $2, $3 >file[$1] }
		END {
			for (i = 1; i <= n; i++)
				printf("%s\"%s\" with linespoints linewidth 2 pointtype %d title \"%s\"", (i > 1 ? ", " : ""),
					file[name[i]], i + 3, name[i])
		}'
}

# draw PNG TITLE SETTINGS CURVES
draw() {
	[ -n "$4" ] || return 0
	gnuplot <<-END
		set terminal png size 1000,640
		set output "$1"
		set title "$2" noenhanced
		set key noenhanced bottom right
		set grid
		$3
		plot $4
	END
	echo "$1"
}

for file in "$build"/bench/ann-results/search-*.ndjson; do
	[ -s "$file" ] || continue
	set=${file##*/search-}
	set=${set%.ndjson}
	draw "$dir/recall-$set.png" "recall@10 against speed, $set" \
		'set key top right; set logscale y; set xrange [0.5:1]; set xlabel "recall@10"; set ylabel "searches a second, one thread"' \
		"$(curves "$file" 'select(.type == "point") | {name: .what, x: .recall, y: .qps}')"
done

results=$build/bench/results.ndjson
if [ -s "$results" ]; then
	jq -r 'select(.quantiles) | .bench' "$results" | sort -u | while read -r bench; do
		draw "$dir/latency-${bench#workload }.png" "$bench" \
			'set logscale x; set yrange [0:100]; set xlabel "milliseconds"; set ylabel "per cent of operations within"' \
			"$(curves "$results" "select(.bench == \"$bench\" and .quantiles) | .what as \$name |
				.quantiles[] | {\$name, x: (.[1] / 1000), y: (.[0] / 10)}")"
	done
fi
