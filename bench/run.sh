#!/bin/sh
# run.sh - side by side with the peers, in one run, on one disk.
#
#     bench/run.sh BUILDDIR [put] [import] [store] [recall] [help] [sync] [workload]
#
# Prints a table; the figures go to BUILDDIR/bench/results.ndjson.  BENCH_DIR
# is where the data lies (BUILDDIR/bench/data: the disk matters), BENCH_ROUNDS
# how often a process is started (300), BENCH_SECONDS a window of fifty writers
# (2), BENCH_TEXTS how many memories recall searches (100000), BENCH_LINES how
# many lines with vectors are imported (10000), BENCH_RECORDS how many memories
# equal stores hold (1000000), BENCH_WORKLOADS which of them run (all four),
# BENCH_SEED what draws their texts and cues (5).
set -eu

build=$1
shift
[ $# -gt 0 ] || set -- put import store recall help sync workload
seconds=${BENCH_SECONDS:-2}
texts=${BENCH_TEXTS:-100000}
lines=${BENCH_LINES:-10000}
records=${BENCH_RECORDS:-1000000}
data=${BENCH_DIR:-$build/bench/data}/oneshot
results=$build/bench/results.ndjson
spawn=$build/bench/spawn
here=$(cd "$(dirname "$0")" && pwd)
rounds=${BENCH_ROUNDS:-300}
seed=${BENCH_SEED:-5}
# shellcheck source=bench/common.sh
. "$here/common.sh"
store=$(program engram-store)
recall=$(program engram-recall)
consolidate=$(program engram-consolidate)
shipwal=$(program engram-shipwal)

bench_put() {
	rm -rf "$data/put"
	mkdir -p "$data/put"
	"$build/bench/puts" "$data/put" "$seconds"
}

bench_store() {
	rm -rf "$data/store"
	mkdir -p "$data/store"
	text='The plumber said the valve under the kitchen sink must be replaced before winter, visit %n.'
	sqlite3 "$data/store/peer.db" 'PRAGMA journal_mode=WAL; CREATE TABLE m(id INTEGER PRIMARY KEY, text TEXT)' >/dev/null
	"$spawn" store "$rounds" \
		-- engram-store "$store" --home="$data/store/home" "$text" \
		-- sqlite3 sqlite3 "$data/store/peer.db" "PRAGMA synchronous=FULL; INSERT INTO m(text) VALUES('$text')" \
		-- noop "$build/bench/noop" \
		-- ratio 'p50 of engram-store TEXT / sqlite3 insert (WAL, FULL)' engram-store sqlite3 0.6
}

# Examples left out, each once.
glosses() {
	all_glosses | sed 's/; ".*//; s/[[:space:]]*$//' | awk 'length($0) > 8 && !seen[$0]++' | head -n "$texts"
}

prepare_import() {
	[ -f "$data/import/ready-$lines" ] && return
	rm -rf "$data/import"
	mkdir -p "$data/import"
	all_glosses >"$data/import/texts"
	jq -Rc '{text:.}' "$data/import/texts" >"$data/import/short"
	while cat "$data/import/texts"; do :; done 2>/dev/null |
		"$build/bench/vectors" ndjson "$lines" >"$data/import/vectors"
	"$build/bench/vectors" fvecs "$lines" >"$data/import/bare.fvecs"
	: >"$data/import/ready-$lines"
}

# `%n` is the round.
bench_import() {
	prepare_import
	cat "$data/import/short" "$data/import/vectors" >/dev/null
	imports=${BENCH_IMPORTS:-3}
	out=$data/import/out
	rm -rf "$out"
	mkdir -p "$out"
	"$build/bench/bulk" import "$imports" "$(wc -l <"$data/import/short")" -- after find "$out" -mindepth 1 -delete \
		-- 'glosses' "$store" --home="$out/short-%n" --import=ndjson --index-later "$data/import/short" \
		-- rate 'short texts, state and text view current' 'glosses' 55000 \
		-- memory 'MiB of anonymous memory, short texts' 'glosses' 64
	"$build/bench/bulk" import "$imports" "$lines" -- after find "$out" -mindepth 1 -delete \
		-- 'vectors' "$store" --home="$out/vectors-%n" --import=ndjson --index-later "$data/import/vectors" \
		-- 'later' "$store" --home="$out/later-%n" --import=ndjson --index-later --text-later "$data/import/vectors" \
		-- 'fvecs' "$store" --home="$out/bare-%n" --import=vectors --index-later "$data/import/bare.fvecs" \
		-- 'python' python3 "$here/peers/import.py" "$data/import/vectors" "$out/peer-%n.db" \
		-- ratio 'text + 768 floats / python json + sqlite3, text view current' vectors python 2 \
		-- ratio 'text + 768 floats / python json + sqlite3, text view left behind' later python 4 \
		-- rate 'fvecs of 768 without text' fvecs 150000 \
		-- memory 'MiB of anonymous memory, text + 768 floats' vectors 64 \
		-- memory 'MiB of anonymous memory, fvecs' fvecs 64
	rm -rf "$out"
}

prepare_recall() {
	[ -f "$data/recall/ready-$texts" ] && return
	rm -rf "$data/recall"
	mkdir -p "$data/recall"
	glosses >"$data/recall/texts"
	jq -Rc '{text:.}' "$data/recall/texts" |
		"$store" --home="$data/recall/home" --import=ndjson - >/dev/null
	"$consolidate" --home="$data/recall/home" >/dev/null
	"$build/bench/flatscan" make "$data/recall/flat" <"$data/recall/texts"
	sqlite3 "$data/recall/fts.db" "CREATE VIRTUAL TABLE f USING fts5(text)" \
		".mode ascii" ".separator \"\001\" \"\n\"" ".import $data/recall/texts f" \
		"INSERT INTO f(f) VALUES('optimize')" "PRAGMA journal_mode=WAL" >/dev/null
	: >"$data/recall/ready-$texts"
}

bench_recall() {
	prepare_recall
	cue='a device for lifting heavy goods on a ship'
	match='device OR lifting OR heavy OR goods OR ship'
	"$consolidate" --home="$data/recall/home" --warm >/dev/null
	cat "$data/recall/flat" "$data/recall/fts.db" >/dev/null
	"$spawn" recall "$rounds" \
		-- exact=1 "$recall" --home="$data/recall/home" --mode=vector --exact "$cue" \
		-- vector=1 "$recall" --home="$data/recall/home" --mode=vector "$cue" \
		-- hybrid=1 "$recall" --home="$data/recall/home" "$cue" \
		-- flatscan "$build/bench/flatscan" "$data/recall/flat" "$cue" \
		-- fts5 sqlite3 -readonly "$data/recall/fts.db" \
		"SELECT rowid, bm25(f) FROM f WHERE f MATCH '$match' ORDER BY rank LIMIT 10" \
		-- ratio "p50 of recall --mode vector --exact / bare scan of a flat file, $texts rows" exact flatscan 2 \
		-- faster 'times that recall --mode vector, by the graph, is faster than that scan' vector flatscan 0 \
		-- ratio 'p50 of recall (hybrid) / bare scan + FTS5 query in sqlite3' hybrid flatscan+fts5 2
}

# Equal homes of $records memories in 100 series; a home of texts of 1 KiB.
prepare_sync() {
	[ -f "$data/sync/ready-$records" ] && return
	rm -rf "$data/sync"
	mkdir -p "$data/sync"
	part=0
	while [ "$part" -lt 100 ]; do
		seq -f "part $part of the whole, line %g" $((records / 100)) |
			"$store" --home="$data/sync/a" --new-series --import=lines --text-later --index-later --quiet - >/dev/null
		part=$((part + 1))
	done
	"$store" --home="$data/sync/b" --create >/dev/null
	"$shipwal" --home="$data/sync/a" sync "local:$data/sync/b" >/dev/null
	body=$(printf '%880s' ' ' | tr ' ' x)
	seq -f "%012g $body" $((records / 10)) |
		"$store" --home="$data/sync/stream" --import=lines --text-later --index-later --quiet - >/dev/null
	: >"$data/sync/ready-$records"
}

bench_sync() {
	prepare_sync
	out=$data/sync/out
	rm -rf "$out"
	mkdir -p "$out"
	"$build/bench/sync" "$out" "$data/sync/a" "$data/sync/b" "$data/sync/stream"
	rm -rf "$out"
}

# memories, spaces, per cent of stores (0: stores, then recalls), operations in one
# process, processes, seconds it may take.
workload() {
	case $1 in
	small) echo 10000 1 0 2000 200 120 ;;
	medium) echo 100000 5 0 2000 200 300 ;;
	large) echo 1000000 10 0 2000 200 1800 ;;
	mixed) echo 100000 5 70 10000 300 300 ;;
	*) echo "run.sh: no workload \"$1\"; there are small medium large mixed" >&2; exit 2 ;;
	esac
}

# Texts, and behind them those that are stored one by one; cues of the former.
prepare_workload() {
	[ -f "$data/workload/ready-$memories-$spaces-$seed" ] && return
	rm -rf "$data/workload"
	mkdir -p "$data/workload"
	all_glosses | "$build/bench/texts" make $((memories + 20000)) "$seed" >"$data/workload/all"
	head -n "$memories" "$data/workload/all" | split -d -n "r/$spaces" - "$data/workload/part."
	tail -n +$((memories + 1)) "$data/workload/all" >"$data/workload/fresh"
	"$build/bench/texts" cues 5000 "$seed" <"$data/workload/all" >"$data/workload/cues"
	: >"$data/workload/ready-$memories-$spaces-$seed"
}

bench_workload() {
	for name in ${BENCH_WORKLOADS:-small medium large mixed}; do
		line=$(workload "$name")
		read -r memories spaces percent operations spawns limit <<-EOF
			$line
		EOF
		echo "workload $name: $memories memories in $spaces spaces, seed $seed, at most $limit s" >&2
		prepare_workload
		rm -rf "$data/workload/home"
		timeout "$limit" "$build/bench/workload" "$name" "$percent" "$operations" "$spawns" "$seed" \
			"${store%/*}" "$data/workload/home" "$data/workload/fresh" "$data/workload/cues" \
			"$data"/workload/part.*
		rm -rf "$data/workload/home"
	done
}

bench_help() {
	"$spawn" help "$rounds" \
		-- engram-store "$store" --help \
		-- engram-recall "$recall" --help \
		-- noop "$build/bench/noop" \
		-- extra 'microseconds of engram-store --help beyond a dynamic no-op' engram-store noop 800 \
		-- extra 'microseconds of engram-recall --help beyond a dynamic no-op' engram-recall noop 800
}

mkdir -p "$data" "$build/bench"
conditions "$data" "$rounds" "$seed" >"$results"
for part in "$@"; do
	"bench_$part" >>"$results"
done
"$here/table.sh" "$results"
