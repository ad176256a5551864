#!/bin/sh
# ann.sh - the index beside the exact scan and the peers, job by job.
#
#     bench/ann.sh BUILDDIR [JOB...]
#
#     build     the graph, by one thread and by two; hnswlib's
#     peers     the indexes that the others need; minutes each, faiss ten
#     search    warm, at equal recall@10: hnswlib, usearch (floats, int8), faiss
#     change    recall after additions and after removals
#     fold      10,000 more into 100,000, by the programs; bytes of the view a memory
#     life      recall by the programs: as built, a fifth more, a fifth forgotten
#     oneshot   whole processes, ten hits with texts: usearch, hnswlib, sqlite-vec
#     million   1,000,000 short texts: import, fold, whole processes of recall
#
# All but million run once for each of SET (both):
#     wink      340,479 English word vectors of 100 numbers (bench/data/packages)
#     clusters  100,000 vectors of 768, made from a fixed seed
# SIZE is a percentage of all rows (100); RESUME=1 passes over jobs that were done.
# Each job prints how long it may take at most, and is ended then.  Data, homes and
# indexes of the peers lie in BENCH_DIR/ann (BUILDDIR/bench/data/ann) and are kept;
# PEERS are those wanted (hnswlib usearch usearch-codes faiss sqlite-vec);
# results are BUILDDIR/bench/ann-results/JOB-SET-SIZE.ndjson.  A peer that cannot be had
# (bench/peers/build.sh) is left out.
set -eu

build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
data=${BENCH_DIR:-$build/bench/data}/ann
results=$build/bench/ann-results
size=${SIZE:-100}
rounds=${BENCH_ROUNDS:-300}
seed=${BENCH_SEED:-5}
# shellcheck source=bench/common.sh
. "$here/common.sh"

# Seconds that a job may take at full size; a quiet machine needs a third.
limit_of() {
	case $1 in
	peers) echo 3600 ;;
	build | search | million) echo 1800 ;;
	*) echo 900 ;;
	esac
}

[ $# -gt 0 ] || set -- build peers search change fold life oneshot million
mkdir -p "$data" "$results"
# A job is a group of processes by itself, which an interruption of ours does not reach.
job=
trap '[ -z "$job" ] || kill "$job" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

bounded() {
	timeout "$@" &
	job=$!
	rc=0
	wait "$job" || rc=$?
	job=
	return "$rc"
}

# shellcheck disable=SC2086 # names are words
peers=$("$here/peers/build.sh" "$data/peers" "$data/cache" ${PEERS:-} | tr '\n' ' ')
files=
failed=0
for what in "$@"; do
	sets=${SET:-wink clusters}
	[ "$what" != million ] || sets=texts
	limit_of "$what" >/dev/null
	for set in $sets; do
		file=$results/$what-$set-$size.ndjson
		files="$files $file"
		[ -z "${RESUME:-}" ] || [ ! -s "$file" ] || continue
		limit=$(limit_of "$what")
		echo "bench-ann: $what, $set, SIZE=$size: at most $limit s" >&2
		conditions "$data" "$rounds" "$seed" >"$file.part"
		if bounded "$limit" "$here/ann-job.sh" "$build" "$data" "$what" "$set" "$file.part" "$peers"; then
			mv "$file.part" "$file"
		else
			echo "bench-ann: $what, $set: failed, or was not done in $limit s; so far: $file.part" >&2
			failed=1
		fi
	done
done
for file in $files; do
	[ ! -s "$file" ] || "$here/table.sh" "$file"
done
exit "$failed"
