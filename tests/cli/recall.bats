# engram-recall: what it finds, in which form and order.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

animals()
{
	engram-store --tag=bird --source=book --occurred=2026-01-01 "The penguin swims and cannot fly"
	engram-store --tag=bird --tag=small --actor=me --occurred=2026-02-01 "The wren sings loudly and can fly"
	engram-store --tag=fish --source=book --occurred=2026-03-01 "The salmon swims up the river"
}

texts() { echo "$output" | cut -f 5; }

@test "lines: confidence, id, stored, group, text" {
	animals >ids
	exits 0 engram-recall "penguin that swims"
	[[ ${lines[0]} =~ ^0\.[0-9]{1,4}$'\t'$(head -n 1 ids)$'\t'20..-..-..T..:..:..(\.[0-9]+)?Z$'\t'(vivid|associated|reconstructed)$'\t'"The penguin swims and cannot fly"$ ]]
}

@test "hits: keys in order; without a cue no confidence and no group" {
	animals >ids
	exits 0 engram-recall --json --explain "penguin that swims"
	same '["v","type","id","kind","text","confidence","interval","retention","score","group","stored","occurred","source","tags","why"]' \
		"$(echo "${lines[0]}" | jq -c keys_unsorted)"
	same '["v","type","returned","omitted","bytes","partial","missing","text_behind"]' \
		"$(echo "${lines[-1]}" | jq -c keys_unsorted)"
	echo "${lines[0]}" | jq -e '.interval[0] <= .confidence and .confidence <= .interval[1] and .retention <= 1' >/dev/null
	bytes=$(echo "$output" | grep '"type":"hit"' | wc -c)
	same "$bytes" "$(echo "${lines[-1]}" | jq .bytes)"
	exits 0 engram-recall --json
	same '["v","type","id","kind","text","retention","stored","occurred","source","tags"]' \
		"$(echo "${lines[0]}" | jq -c keys_unsorted)"
	exits 0 engram-recall
	[[ ${lines[0]} == -$'\t'*$'\t'-$'\t'"The salmon swims up the river" ]]
}

@test "filters: tags together, source, actor, times" {
	animals >ids
	exits 0 engram-recall --tag=bird
	same 2 "${#lines[@]}"
	exits 0 engram-recall --tag=bird --tag=small
	same "The wren sings loudly and can fly" "$(texts)"
	exits 0 engram-recall --source=book --tag=fish swims
	same "The salmon swims up the river" "$(texts)"
	exits 0 engram-recall --actor=me
	same "The wren sings loudly and can fly" "$(texts)"
	exits 0 engram-recall --since=2026-02-01 --until=2026-03-01
	same "The wren sings loudly and can fly" "$(texts)"
	exits 0 engram-recall --kind=episode -k 1
	exits 1 engram-recall --kind=concept
	says "nothing found in space default"
	exits 1 engram-recall -q --tag=none
	same "" "$stderr"
}

@test "every mode finds the words; vector and hybrid also the misspelt" {
	animals >ids
	for mode in hybrid vector text; do
		exits 0 engram-recall --mode=$mode --min-confidence=0 -k 1 "salmon river"
		same "The salmon swims up the river" "$(texts)"
	done
	for mode in hybrid vector; do
		exits 0 engram-recall --mode=$mode --min-confidence=0 -k 1 "slamon rivr"
		same "The salmon swims up the river" "$(texts)"
	done
}

@test "several operands are one cue; -k limits; an empty cue is refused" {
	animals >ids
	same "$(engram-recall "the salmon" | cut -f 1-5)" "$(engram-recall the salmon | cut -f 1-5)"
	exits 0 engram-recall -k 1 --min-confidence=0 swims
	same 1 "${#lines[@]}"
	exits 2 engram-recall ""
	says "cue: empty"
}

@test "--like: neighbours of a memory, not itself" {
	animals >ids
	exits 0 engram-recall --min-confidence=0 --like "$(head -n 1 ids)"
	[[ $output != *"$(head -n 1 ids)"* ]]
	prints "The salmon swims"
	exits 66 engram-recall --like 7zzzzzzz
	exits 2 engram-recall --like "$(head -n 1 ids)" cue
}

@test "--explain: the terms, in a last column" {
	animals >ids
	exits 0 engram-recall --explain penguin
	[[ $(echo "${lines[0]}" | cut -f 6) =~ ^([a-z0-9_-]+=-?[0-9.]+ )+[a-z0-9_-]+=-?[0-9.]+$ ]]
}

@test "--batch: an answer for every line, numbered, in order" {
	animals >ids
	printf 'penguin\n\nzzzzqqqq\nsalmon' >cues
	exits 0 engram-recall --json --batch - <cues
	same "1 2 3 4" "$(echo "$output" | jq -r 'select(.type == "summary").cue' | tr '\n' ' ' | sed 's/ $//')"
	same "1 4" "$(echo "$output" | jq -r 'select(.type == "hit").cue' | sort -u | tr '\n' ' ' | sed 's/ $//')"
	exits 0 engram-recall --batch penguin salmon
	same "1 2" "$(echo "$output" | cut -f 6 | sort -u | tr '\n' ' ' | sed 's/ $//')"
	exits 1 engram-recall --batch zzzzqqqq
	exits 3 engram-recall --batch - < <(printf 'penguin\n\xff\n')
	says "cue 2: cue: byte 0: not UTF-8"
	exits 2 engram-recall --batch
}

@test "--batch answers before it waits for the next cue" {
	animals >ids
	coproc engram-recall --json --batch -
	for cue in penguin wren salmon; do
		echo $cue >&"${COPROC[1]}"
		while read -r -t 10 line <&"${COPROC[0]}"; do
			[[ $line == *'"type":"summary"'* ]] && break
		done
		[[ $line == *'"returned":'* ]]
	done
	exec {COPROC[1]}>&-
}

@test "a memory is found the moment its id was printed, and gone when forgotten" {
	for round in $(seq 20); do
		id=$(engram-store "number $round of the aardvarks")
		exits 0 engram-recall -k 20 --min-confidence=0 aardvarks
		same "$round" "${#lines[@]}"
	done
	engram-store --forget --yes "$id"
	exits 0 engram-recall -k 20 --min-confidence=0 aardvarks
	same 19 "${#lines[@]}"
}

@test "the confidence of a hit does not depend on how many are asked for" {
	engram-store "physical entity: an entity that has physical existence" \
		"thing: a separate and self-contained entity" "physical thing: what can be touched" >/dev/null
	first=$(engram-recall -k 3 "physical thing" | head -n 1)
	same "$first" "$(engram-recall -k 1 "physical thing")"
	same "$first" "$(engram-recall -k 2 "physical thing" | head -n 1)"
}

@test "--like of an id that begins above 7 is unknown, not malformed" {
	exits 0 engram-store x
	exits 66 engram-recall --like=zzzz
	exits 65 engram-recall --like=uuuu
}
