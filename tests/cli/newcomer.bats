# What surprised people who had only --help and the manual.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# At a terminal so many columns wide: stdout and stderr together.
at_terminal()
{
	local columns=$1
	shift
	printf '%q ' "$@" >command
	COLUMNS=$columns NO_COLOR=1 SHELL=/bin/bash script -qec "$(cat command)" /dev/null </dev/null | tr -d '\r'
}

@test "--get shows every field: at a terminal a line each, in a pipe further columns" {
	id=$(engram-store --key=door --tag=home --tag="two words" --source="a talk" --actor=ada --confidence=0.8 \
		--occurred=2026-01-02 --valid-until=2027-01-01 --meta='{"a":1}' "The door code is 4711, and $(seq -s ' ' 60) is the end")
	at_terminal 60 engram-store --get "$id" >out
	for field in "key: door" "confidence: 0.8" "occurred: 2026-01-02T00:00:00Z" "valid_until: 2027-01-01T00:00:00Z" \
		"source: a talk" "actor: ada" "tag: home" "tag: two words" 'meta: {"a":1}'; do
		grep -q "^      $field\$" out || { cat out; false; }
	done
	grep -q "59 60 is the end" out
	exits 0 engram-store --get "$id"
	same $'key=door\tconfidence=0.8\toccurred=2026-01-02T00:00:00Z\tvalid_until=2027-01-01T00:00:00Z\tsource=a talk\tactor=ada\ttag=home\ttag=two words\tmeta={"a":1}' \
		"$(echo "$output" | cut -f 6-)"
	same 5 "$(engram-recall door | awk -F '\t' '{ print NF }')"
}

@test "a terminal of 40 columns: nothing is wider" {
	engram-store "Ein Löwe 🦁 frißt täglich etwa sieben Kilogramm Fleisch, sagt man" "短い文章ですがとても大切なことを書いてありますから読んでください" >/dev/null
	for program in "engram-recall Löwe" "engram-recall --min-confidence=0 文章" engram-recall; do
		# shellcheck disable=SC2086
		at_terminal 40 $program >out
		[ -s out ]
		python3 - out <<-'END'
			import sys, unicodedata
			for line in open(sys.argv[1], encoding="utf-8"):
			    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line.rstrip("\n"))
			    assert width <= 40, (width, line)
		END
	done
}

@test "--revise --dry-run shows what would be, and changes nothing" {
	id=$(engram-store --tag=a --tag=b --source=talk --confidence=0.5 "The walrus eats clams")
	before=$(tree "$ENGRAM_HOME")
	exits 0 engram-store --revise --dry-run --json "$id" --untag=a --tag=c --clear=confidence --source=book "The walrus eats mussels"
	would=$output
	same "$before" "$(tree "$ENGRAM_HOME")"
	exits 0 engram-store --revise "$id" --untag=a --tag=c --clear=confidence --source=book "The walrus eats mussels"
	same "$(engram-store --json --get "$id")" "$would"
	exits 0 engram-store --revise --dry-run --json "$id" --clear=tags --tag=z --clear=source
	would=$output
	engram-store --revise "$id" --clear=tags --tag=z --clear=source
	same "$(engram-store --json --get "$id")" "$would"
}

@test "every error object names what it is about" {
	engram-store x >/dev/null
	for call in "engram-recall --jsn" "engram-recall -k 0 x" "engram-recall --ids --json x" "engram-recall --batch" \
		"engram-store " "engram-store --get" "engram-store --get zzzz" "engram-store --get !" "engram-store --space=no x" \
		"engram-store --import=ndjson missing" "engram-consolidate x" "engram-recall --like=x" "engram-store --confidence=2 x" \
		"engram-recall nothingofthekind" "engram-store --forget x" "engram-recall -Z"; do
		# shellcheck disable=SC2086
		run --separate-stderr ${call/ / --json }
		[ "$status" -ne 0 ]
		[ "$(echo "$stderr" | head -n 1 | jq -r .object)" ] || { echo "$call"; echo "$stderr"; return 1; }
	done
	exits 2 engram-recall --json --jsn
	same "--jsn" "$(echo "$stderr" | jq -r .object)"
}

@test "F29: where standard output is lost, what was stored is said to be stored" {
	run --separate-stderr bash -c 'engram-store "kept all the same" >/dev/full'
	same 74 "$status"
	says "standard output: "
	says "it is stored all the same, its id was not printed"
	exits 0 engram-recall "kept all the same"
	run --separate-stderr bash -c 'printf "%s\n" one two | engram-store - >/dev/full'
	same 74 "$status"
	says "stored all the same"
	id=$(engram-recall --ids kept)
	run --separate-stderr bash -c "engram-store --revise $id 'kept, revised' >/dev/full"
	same 74 "$status"
	says "it is revised all the same"
	exits 0 engram-recall --ids revised
	same "$id" "$output"
	run --separate-stderr bash -c 'engram-recall kept >/dev/full'
	same 74 "$status"
	[[ $stderr != *"all the same"* ]]
}

@test "options that would say nothing are refused" {
	engram-store x >/dev/null
	exits 2 engram-store --export -0
	says "--null: does not go with --export"
	exits 2 engram-consolidate --all-spaces --space=default
	says "--space: does not go with --all-spaces"
	ENGRAM_SPACE=default exits 0 engram-consolidate --all-spaces
	exits 2 engram-recall --since=2026-01-02 --until=2026-01-02
	says "--until: is not later than --since"
	exits 2 engram-recall --tag= x
	says "--tag: wanted a tag, found an empty one"
}

@test "pages of the state with flipped bytes: an answer, or 70 that says what helps" {
	memories 3000
	engram-consolidate
	state=$(echo "$ENGRAM_HOME"/spaces/default/state.*.mdb)
	cp "$state" whole
	size=$(stat -c %s whole)
	id=$(engram-recall --ids -k 1 "memory 77")
	damaged=0
	for n in $(seq 40); do
		cp whole "$state"
		for at in $(seq 6); do
			printf '\377\201' | dd of="$state" bs=1 seek=$(((n * 7919 + at * 104729) * 61 % size)) conv=notrunc status=none
		done
		for call in "engram-recall memory 77" "engram-store --get $id" "engram-recall --as-of=1h memory"; do
			# shellcheck disable=SC2086
			run --separate-stderr $call
			case $status in
			0 | 1 | 66) ;;
			70) says "engram-consolidate --rebuild"; damaged=$((damaged + 1)) ;;
			75) says "run engram-consolidate" ;;
			*) show "$call"; return 1 ;;
			esac
		done
	done
	echo "# $damaged of 120 calls answered 70" >&3
	engram-consolidate --rebuild
	exits 0 engram-recall memory 77
}

@test "memory that is not there ends a program with 70 and advice, also in JSON" {
	engram-store "a walrus" >/dev/null
	for json in "" --json; do
		coproc engram-recall $json --batch - 2>err
		pid=$COPROC_PID
		echo walrus >&"${COPROC[1]}"
		read -r -t 20 line <&"${COPROC[0]}"
		[ "$line" ]
		kill -SEGV "$pid"
		status=0
		wait "$pid" || status=$?
		same 70 "$status"
	done
	same "damaged 70 engram-recall false" "$(jq -r '"\(.code) \(.exit) \(.object) \(.retry)"' err)"
	grep -q "engram-consolidate --rebuild" err
}

@test "a memory of a letter or two is met by its own words only" {
	engram-store x >/dev/null
	tr -c 'a-zA-Z' '\n' <"${top_srcdir:-$BATS_TEST_DIRNAME/../..}/README.md" | grep -E '^[a-zA-Z]{3,}$' | sort -u >cues
	[ "$(wc -l <cues)" -gt 150 ]
	exits 1 engram-recall --batch --min-confidence=0.1 - <cues
	same "" "$output"
	exits 0 engram-recall x
	same x "$(echo "$output" | cut -f 5)"
	engram-store "Ada" >/dev/null
	exits 0 engram-recall adda
}
