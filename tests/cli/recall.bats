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
	same '["v","type","returned","omitted","bytes","partial","missing","text_behind","compared"]' \
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

# A hundred memories that one cue finds, with texts of 20 to 2,000 bytes.
many()
{
	for n in $(seq 100); do
		printf 'walrus number %d %s\n' "$n" "$(head -c $((n * n / 5)) /dev/zero | tr '\0' 'x')"
	done | engram-store -
}

@test "--budget: what is printed fits, is filled by rank, and the summary counts it" {
	many >/dev/null
	engram-recall --min-confidence=0 -k 100 --json walrus | grep '"type":"hit"' >all
	for budget in 700 1000 1500 2048 10000 64K 1M; do
		exits 0 engram-recall --min-confidence=0 -k 100 --json --budget=$budget walrus
		[ "$(printf '%s\n' "$output" | wc -c)" -le "$(numfmt --from=iec $budget)" ]
		returned=$(echo "${lines[-1]}" | jq .returned)
		same "$((returned + 1))" "${#lines[@]}"
		same "$((100 - returned))" "$(echo "${lines[-1]}" | jq .omitted)"
		same "$((100 - returned))" "$(echo "${lines[-1]}" | jq .over_budget)"
		same "$(echo "$output" | head -n "$returned" | wc -c)" "$(echo "${lines[-1]}" | jq .bytes)"
		same "$(head -n "$returned" all | jq -r .id)" "$(echo "$output" | head -n "$returned" | jq -r .id)"
	done
	same 100 "$returned"
	exits 0 engram-recall --min-confidence=0 -k 100 --budget=1000 walrus
	[ "$(printf '%s\n' "$output" | wc -c)" -le 1000 ]
	same "engram-recall: $((100 - ${#lines[@]})) more did not fit in 1,000 bytes" "${stderr%%;*}"
	same '["v","type","returned","omitted","over_budget","bytes","partial","missing","text_behind"]' \
		"$(engram-recall --json --budget=1000 walrus | tail -n 1 | jq -c keys_unsorted)"
}

@test "--budget: the best is always there, cut between two characters and visibly" {
	text=$(printf 'käse €5 🧀 %.0s' $(seq 100))
	id=$(engram-store "$text")
	for budget in $(seq 1 37 900) 3000; do
		exits 0 engram-recall --json --budget=$budget käse
		printf '%s\n' "$output" | head -n 1 | jq -r .text >found
		iconv -f UTF-8 -t UTF-8 found >/dev/null
		case $(printf '%s\n' "$output" | head -n 1 | jq -c '[.truncated, .text_bytes]') in
		'[true,1600]') ;;
		'[null,null]') same "$text" "$(cat found)"; [ "$budget" = 3000 ]; continue ;;
		*) show; return 1 ;;
		esac
		kept=$(cat found)
		[[ $kept == *… && $text == "${kept%…}"* && ${#kept} -gt 10 ]]
		[ "$budget" -lt 450 ] || [ "$(printf '%s\n' "$output" | wc -c)" -le "$budget" ]

		exits 0 engram-recall --budget=$budget käse
		[[ $output =~ …\ \[\+([0-9]+)\ bytes\]$ ]]
		missing=${BASH_REMATCH[1]}
		kept=$(echo "$output" | cut -f 5)
		same 1600 "$(($(printf %s "${kept%… \[*}" | wc -c) + missing))"
		[ "$budget" -lt 150 ] || [ "$(printf '%s\n' "$output" | wc -c)" -le "$budget" ]
		says "the last one is cut"
	done
	# What is cut does not go back in as a memory of its own.
	engram-recall --json --budget=500 käse >cut
	exits 65 engram-store -s other --create --import=ndjson cut
	says "truncated: wanted a whole text"
	same "$text" "$(engram-recall --ids --budget=1 käse | engram-store --json --get - | jq -r .text)"
	[ -n "$id" ]
}

@test "--budget: sizes; each answer of a batch has the whole of it" {
	for v in 0 -1 x '' 1e3 4.5K 99999999999999999999; do
		exits 2 engram-recall --budget="$v" cue
		says "--budget: wanted a number of bytes (4000, 8K), found \"$v\""
	done
	many >/dev/null
	exits 0 engram-recall --json --batch --min-confidence=0 -k 50 --budget=1K walrus number
	for cue in 1 2; do
		[ "$(echo "$output" | grep "\"cue\":$cue," | wc -c)" -le 1024 ]
		[ "$(echo "$output" | jq "select(.cue == $cue and .type == \"summary\").returned")" -ge 2 ]
	done
}

@test "--ids: ids and nothing else, which --get takes" {
	animals >ids
	exits 0 engram-recall --ids
	same "$(tac ids)" "$output"
	same "$(engram-recall swims | cut -f 2,5)" "$(engram-recall --ids swims | engram-store --get - | cut -f 2,5)"
	same "$(engram-recall --ids -0 swims | tr '\0' '\n')" "$(engram-recall --ids swims)"
	engram-recall --ids -0 swims | engram-store --get -0 - >/dev/null
	exits 1 engram-recall --ids zzzzqqqq
	exits 2 engram-recall --ids --json swims
	says "--ids: does not go with --json"
	exits 2 engram-recall --ids --explain swims
}

@test "filters: alone and together, each finds the one in 10,000" {
	seq 4999 | sed 's/.*/{"text":"walrus note &","source":"web","actor":"eve","tags":["a"],"occurred":"2026-02-02"}/' >in
	echo '{"text":"walrus, the one","source":"book","actor":"ada","tags":["a","rare"],"kind":"concept","occurred":"2020-05-05"}' >>in
	seq 5000 9999 | sed 's/.*/{"text":"walrus note &","source":"web","actor":"eve","tags":["a"],"occurred":"2026-02-02"}/' >>in
	engram-store --import=ndjson in >/dev/null
	for cue in walrus ""; do
		for filter in --tag=rare "--tag=a --tag=rare" --kind=concept --source=book --actor=ada --until=2020-05-06 \
			"--since=2020-05-05 --until=2020-05-06" \
			"--tag=rare --kind=concept --source=book --actor=ada --since=2020-05-05 --until=2020-05-05T00:00:00.000001Z"; do
			# shellcheck disable=SC2086
			exits 0 engram-recall --min-confidence=0 $filter $cue
			same "walrus, the one" "$(texts)"
		done
		# shellcheck disable=SC2086
		exits 1 engram-recall --min-confidence=0 --tag=rare --source=web $cue
		# shellcheck disable=SC2086
		exits 1 engram-recall --min-confidence=0 --kind=concept --since=2020-05-06 $cue
	done
}

@test "--as-of: texts, fields, tags of then; forgotten is forgotten for every time" {
	at() { ENGRAM_NOW=2026-01-0$1T00:00:00Z engram-store "${@:2}"; }
	first=$(at 1 --tag=draft --source=talk "The walrus eats clams")
	gone=$(at 2 "The walrus hides a safe code 4711")
	at 3 --key=menu "Monday: clams" >/dev/null
	at 4 --revise "$first" --untag=draft --tag=final --source=book "The walrus eats mussels" >/dev/null
	at 5 --key=menu "Monday: oysters" >/dev/null
	at 6 --forget --yes "$gone"
	for applied in no yes; do
		[ $applied = no ] || engram-consolidate --compact
		exits 1 engram-recall --as-of=2025-12-31
		says "nothing found in space default as of 2025-12-31T00:00:00Z"
		exits 0 engram-recall --as-of=2026-01-01
		same "The walrus eats clams" "$(texts)"
		exits 0 engram-recall --as-of=2026-01-03 --json
		same "$(printf '%s\n' "Monday: clams" "The walrus eats clams")" "$(echo "$output" | jq -r 'select(.text).text')"
		same '["draft"] "talk"' "$(echo "$output" | jq -r 'select(.tags) | "\(.tags) \"\(.source)\""')"
		same '"2026-01-03T00:00:00Z"' "$(echo "${lines[-1]}" | jq .as_of)"
		exits 0 engram-recall --as-of=2026-01-03 --tag=draft
		exits 1 engram-recall --as-of=2026-01-03 --tag=final
		exits 0 engram-recall --as-of=2026-01-04 --tag=final
		exits 0 engram-recall --as-of=2026-01-03 "clams"
		prints "Monday: clams"
		exits 0 engram-recall --as-of=2026-01-04T12:00:00Z --min-confidence=0 monday
		prints "Monday: clams"
		exits 0 engram-recall "monday"
		prints "Monday: oysters"
		exits 0 engram-recall --as-of=2026-01-05 --since=2026-01-02
		same "Monday: oysters" "$(texts)"
		exits 1 engram-recall --as-of=2026-01-05 "safe code"
		[[ $output != *4711* ]]
	done
	exits 2 engram-recall --as-of=then cue
	exits 2 engram-recall --as-of=1d --as-of=2d cue
}
