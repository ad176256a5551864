# engram-store: what goes in, comes out, changes and goes.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

field() { jq -r "select(.type == \"memory\") | $1"; }

@test "every operand is a memory, ids in their order" {
	exits 0 engram-store one two three
	same 3 "${#lines[@]}"
	exits 0 engram-store --get "${lines[@]}"
	same "one two three" "$(echo "$output" | cut -f 5 | tr '\n' ' ' | sed 's/ $//')"
}

@test "all fields, in and out, in the order of the format page" {
	id=$(engram-store --key=k --tag=b --tag=a --confidence=0.75 --occurred=2026-03-01T10:00:00.5+01:00 \
		--valid-until=2027-01-01 --source=src --actor=me --meta='{"n": [1, 2]}' "the text")
	exits 0 engram-store --json --get "$id"
	same '["v","type","id","key","kind","text","confidence","stored","occurred","valid_until","source","actor","tags","meta"]' \
		"$(echo "$output" | jq -c keys_unsorted)"
	prints '"key":"k","kind":"episode","text":"the text","confidence":0.75,'
	prints '"occurred":"2026-03-01T09:00:00.500Z","valid_until":"2027-01-01T00:00:00Z","source":"src","actor":"me","tags":["a","b"],"meta":{"n": [1, 2]}}'
}

@test "a line of stdin is acknowledged as soon as it is durable" {
	mkfifo in
	engram-store - <in >ids &
	pid=$!
	exec 9>in
	for number in 1 2 3; do
		echo "line $number" >&9
		for _ in $(seq 500); do
			[ "$(wc -l <ids)" = "$number" ] && break
			sleep 0.01
		done
		same "$number" "$(wc -l <ids)"
		exits 0 engram-store --get "$(tail -n 1 ids)"
		prints "line $number"
	done
	exec 9>&-
	wait $pid
}

@test "storing again keeps the id; a key replaces" {
	a=$(engram-store "same text")
	b=$(engram-store "same text")
	same "$a" "$b"
	same 1 "$(engram-store --export | grep -c '"type":"memory"')"
	a=$(engram-store --key=door "code 4711")
	b=$(engram-store --key=door "code 1174")
	same "$a" "$b"
	exits 0 engram-store --get "$a"
	prints "code 1174"
	exits 1 engram-recall 4711
	exits 2 engram-store --key=door one two
	says "exactly one TEXT"
	exits 2 engram-store --key=door - </dev/null
}

@test "ids: any unique prefix of 4, else named" {
	id=$(engram-store "only one")
	exits 0 engram-store --get "${id:0:4}"
	exits 0 engram-store --get "$(echo "${id:0:10}" | tr '[:lower:]' '[:upper:]')"
	exits 65 engram-store --get "${id:0:3}"
	exits 65 engram-store --get 'no!such'
	exits 66 engram-store --get 7zzz0000
	seq 5000 | engram-store - >ids
	short=$(cut -c 1-4 ids | sort | uniq -d | head -n 1)
	[ -n "$short" ] || skip "no prefix is shared"
	exits 65 engram-store --get "$short"
	says "$(grep "^$short" ids | head -n 1)"
}

@test "--get: some found is 3, none 66, ids also from stdin, in order" {
	engram-store one two >ids
	exits 3 engram-store --get 7zzzzzzz "$(head -n 1 ids)"
	same one "$(echo "$output" | cut -f 5)"
	says "7zzzzzzz"
	exits 66 engram-store --get 7zzzzzzz
	sort -r ids >reversed
	exits 0 engram-store --get - <reversed
	same "$(cat reversed)" "$(echo "$output" | cut -f 2)"
	exits 2 engram-store --get
}

@test "-0: records end in NUL, in and out" {
	printf 'one\ntwo\0three' | engram-store -0 - >ids
	same 2 "$(tr -cd '\0' <ids | wc -c)"
	tr '\0' '\n' <ids | engram-store --json --get - >got
	same '"one\ntwo" "three" ' "$(jq -c .text got | tr '\n' ' ')"
	engram-recall -0 >out
	same 2 "$(tr -cd '\0' <out | wc -c)"
	same 0 "$(tr -cd '\n' <out | wc -c)"
}

@test "--revise changes what is given, clears what is asked, keeps the id" {
	id=$(engram-store --tag=a --tag=b --confidence=0.5 --source=s "old text")
	exits 0 engram-store --revise "${id:0:6}" "new text" --untag=a --tag=c --clear=source --actor=me
	same "$id" "$output"
	exits 0 engram-store --json --get "$id"
	same 'new text 0.5 null me b,c' "$(echo "$output" | field '"\(.text) \(.confidence) \(.source) \(.actor) \(.tags | join(","))"')"
	exits 0 engram-recall "new text"
	exits 2 engram-store --revise "$id"
	says "nothing to change"
	exits 66 engram-store --revise 7zzzzzzz "x"
	exits 2 engram-store --revise "$id" --clear=key
	# Who stores by default is not who said it.
	ENGRAM_ACTOR=other engram-store --revise "$id" --confidence=1
	same me "$(engram-store --json --get "$id" | field .actor)"
}

@test "--forget: some, none, already, from stdin, --now" {
	engram-store one two three >ids
	exits 3 engram-store --forget --yes "$(sed -n 1p ids)" 7zzzzzzz
	exits 66 engram-store --forget --yes 7zzzzzzz
	exits 0 engram-store --forget --yes "$(sed -n 1p ids)"
	exits 0 engram-store --forget --yes --now - < <(sed -n 2p ids)
	same "" "$(grep -rlw two "$ENGRAM_HOME")"
	exits 2 engram-store --forget - <ids
	says "--yes"
	same three "$(engram-recall | cut -f 5)"
	exits 66 engram-store --get "$(sed -n 1p ids)"
	says "forgotten"
}

@test "a forgotten text may be stored again" {
	id=$(engram-store "comes back")
	engram-store --forget --yes "$id"
	same "$id" "$(engram-store "comes back")"
	exits 0 engram-recall "comes back"
}

@test "--forget asks on a terminal; Enter means no" {
	command -v script >/dev/null || skip "no script(1)"
	id=$(engram-store "still here")
	echo | script -qec "engram-store --forget $id" /dev/null >said
	grep -q "forget 1 in space default? \[y/N\]" said
	exits 0 engram-store --get "$id"
	echo y | script -qec "engram-store --forget $id" /dev/null >said
	exits 66 engram-store --get "$id"
}

@test "--dry-run changes not one byte, in every mode" {
	memories 20
	id=$(engram-recall -k 1 | cut -f 2)
	engram-store --export >all.ndjson
	before=$(tree "$ENGRAM_HOME")
	for c in "engram-store -n new" "engram-store -n --forget $id" "engram-store -n --revise $id text" \
		"engram-store -n --space=other --create new" "engram-store -n --drop-space default" \
		"engram-store -n --import=ndjson all.ndjson" "engram-consolidate -n" "engram-consolidate -n --compact" \
		"engram-consolidate -n --rebuild" "engram-consolidate -n --check"; do
		# shellcheck disable=SC2086
		exits 0 $c
		same "$before" "$(tree "$ENGRAM_HOME")"
	done
	ENGRAM_HOME=$BATS_TEST_TMPDIR/none exits 0 engram-store -n new
	[ ! -e none ]
}

@test "--list-spaces and --drop-space" {
	exits 0 engram-store --list-spaces
	same "" "$output"
	engram-store one two >/dev/null
	engram-store --space=work --create three >/dev/null
	exits 0 engram-store --list-spaces
	same "default work" "$(echo "$output" | cut -f 1 | tr '\n' ' ' | sed 's/ $//')"
	same "2 1" "$(echo "$output" | cut -f 2 | tr '\n' ' ' | sed 's/ $//')"
	exits 0 engram-store --list-spaces --json
	same '["v","type","id","created","name","memories","frames","unapplied","log_bytes","derived_bytes"]' \
		"$(echo "${lines[0]}" | jq -c keys_unsorted)"
	exits 2 engram-store --drop-space
	exits 2 engram-store --drop-space work </dev/null
	exits 66 engram-store --drop-space --yes work wrok
	exits 0 engram-store --drop-space --yes work
	exits 66 engram-recall --space=work three
	same default "$(engram-store --list-spaces | cut -f 1)"
	same "default" "$(ls "$ENGRAM_HOME/spaces")"
}

@test "--conflicts: every field, in lines and JSON, some or all, none" {
	engram-store "agreed" >/dev/null
	exits 1 engram-store --conflicts
	same "" "$output"
	echo '{"key":"k","text":"one","confidence":0.7,"meta":{"a":1},"conflicts":[{"text":"two\tor more","confidence":0.9,
		"source":null,"actor":"me","valid_until":"2030-01-01"},{"text":"three","confidence":0.9,"kind":"concept",
		"occurred":"2026-01-02","meta":{"b":2}}]}' | tr -d '\n\t' >in
	engram-store --space=merged --create --import=ndjson --adopt in
	exits 0 engram-store -s merged --conflicts
	id=$(engram-store -s merged --json --conflicts | head -n 1 | jq -r .id)
	same "$id text shown one
$id text other two\\tor more
$id text other three
$id kind shown episode
$id kind other concept
$id confidence shown 0.7
$id confidence other 0.9
$id occurred shown -
$id occurred other 2026-01-02T00:00:00Z
$id valid_until shown -
$id valid_until other 2030-01-01T00:00:00Z
$id actor shown -
$id actor other me
$id meta shown {\"a\":1}
$id meta other {\"b\":2}" "$(cut -f 1-3,6 <<<"$output" | tr '\t' ' ')"
	series=$(basename "$(ls -d "$ENGRAM_HOME"/spaces/merged/log/*/)")
	same "$series" "$(cut -f 5 <<<"$output" | sort -u)"
	exits 0 engram-store -s merged --json --conflicts "${id:0:6}"
	same 7 "${#lines[@]}"
	same '"text" "one" ["two\tor more","three"]' "$(jq -r '"\(.field|tojson) \(.value|tojson) \([.others[].value]|tojson)"' <<<"${lines[0]}")"
	same 'null ["me"]' "$(jq -r 'select(.field == "actor") | "\(.value) \([.others[].value]|tojson)"' <<<"$output")"
	same "$series" "$(jq -r .others[].series <<<"$output" | sort -u)"
	# By id from stdin; what is not there; what agrees.
	exits 0 engram-store -s merged --conflicts - <<<"$id"
	exits 3 engram-store -s merged --conflicts "$id" zzzzzz
	says "zzzzzz"
	exits 66 engram-store --conflicts zzzzzz
	exits 1 engram-store --conflicts "$(engram-recall --ids agreed)"
	exits 2 engram-store --conflicts --tag=x
	# --dry-run of a revision shows what would be settled; the revision settles it.
	exits 0 engram-store -s merged -n --json --revise "$id" four --confidence=1 --clear=occurred \
		--clear=valid-until --clear=actor --clear=meta
	same 2 "$(jq '.conflicts | length' <<<"$output")"
	engram-store -s merged --revise "$id" four --confidence=1 --clear=occurred --clear=valid-until --clear=actor --clear=meta
	exits 0 engram-store -s merged --conflicts
	same "kind kind" "$(cut -f 2 <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
	exits 2 engram-store -s merged --kind=concept "a new text"
	exits 0 engram-store -s merged -n --json --revise "$id" --kind=concept
	same "concept null" "$(jq -r '"\(.kind) \(.conflicts)"' <<<"$output")"
	engram-store -s merged --revise "$id" --kind=concept
	exits 1 engram-store -s merged --conflicts
	same concept "$(engram-store -s merged --json --get "$id" | jq -r .kind)"
	engram-store --forget --yes -s merged "$id"
	exits 1 engram-store -s merged --conflicts
	exits 66 engram-store -s merged --conflicts "$id"
}
