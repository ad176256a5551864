# Two stores of a space that fold at the same cuts hold the same graphs, to the bit,
# in whatever order and batches things came to them, and by however many threads.
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

# folds HOME OPTION...: "LINEAGE DIGEST" after a fold.
folds()
{
	local home=$1
	shift
	engram-consolidate --home="$home" --index-only "$@" >/dev/null || return
	engram-consolidate --home="$home" --last --json | jq -r '"\(.lineage) \(.view_digest)"'
}

# both_fold: a with one thread, b with three; equal, and another than before.
both_fold()
{
	local before=${view-}
	exits 0 engram-shipwal --home=a sync local:b
	view=$(folds a --threads=1)
	[[ $view =~ ^[0-9a-f]{32}\ [0-9a-f]{32}$ ]]
	[ "$view" != "$before" ]
	same "$view" "$(folds b --threads=3 --numa=off)"
}

@test "two stores that fold at the same cuts hold the same graphs" {
	seq -f 'ship number %g of the northern line' 4500 | engram-store --home=a - >/dev/null
	both_fold

	# added on both sides; on b in many small runs, recalled in between
	seq -f 'harbour %g, where she lies' 60 | engram-store --home=a - >/dev/null
	for n in 1 2 3 4 5; do
		engram-store --home=b "crane $n lifts" "crane $n rests" >/dev/null
		engram-recall --home=b "crane $n" >/dev/null
	done
	both_fold

	# forgotten, and changed
	id=$(engram-store --home=b --key=log "a page of the log")
	engram-store --home=a --yes --forget "$(engram-recall --home=a --json 'crane 3 lifts' | jq -r '.id' | head -n 1)"
	both_fold
	engram-store --home=a --key=log "another page of the log" >/dev/null
	engram-store --home=b --yes --forget "$id"
	both_fold

	exits 0 engram-consolidate --home=a --check
	exits 0 engram-consolidate --home=b --check
}
