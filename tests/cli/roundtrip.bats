# Export and import: nothing is lost, nothing is doubled.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

rich()
{
	engram-store --key=k --tag=b --tag=a --confidence=0.7123 --occurred=2026-03-01T10:00:00.123456Z \
		--valid-until=2027-01-01 --source='a "source"' --actor=me --meta='{"a": [1, {"b": null}], "é": "x"}' "keyed"
	printf 'tab\there, back\\slash, "quotes", \e[2J, \xe2\x80\xae turned, \xf0\x9f\x98\x80\n' | engram-store -
	printf 'two\nlines\0' | engram-store -0 -
	engram-store --confidence=0 "no confidence at all" --tag=''"x y"
	engram-store --confidence=1 "same text" && engram-store --confidence=0.5 --actor=other "same text"
	id=$(engram-store "to be revised") && engram-store --revise "$id" "revised" --tag=r
	id=$(engram-store "to be forgotten") && engram-store --forget --yes "$id"
	cat >vectors <<-'END'
	{"text":"with a vector","vector":[0.1,-0.25,3.4028235e38,1e-45,0],"embedder":"mine/1/5/f32"}
	{"vector":[1,2,3],"embedder":"mine/1/3/f32"}
	{"text":"stored long ago","stored":"2001-02-03T04:05:06.789Z"}
	END
	engram-store --import=ndjson --preserve vectors
}

@test "export, import --preserve --adopt, export: the same bytes" {
	rich >/dev/null
	engram-store --export >one
	same '["v","type","id","created","features"]' "$(head -n 1 one | jq -c keys_unsorted)"
	[ "$(grep -c '"type":"memory"' one)" = 9 ]
	exits 0 engram-store --space=copy --create --import=ndjson --preserve --adopt one
	prints "imported 9 of 9"
	engram-store --space=copy --export >two
	cmp one two
	# Also after everything was derived anew, and from what was derived.
	engram-consolidate --space=copy --rebuild
	engram-store --space=copy --export | cmp - one
	# Again: harmless.
	exits 0 engram-store --space=copy --import=ndjson --preserve --adopt one
	same "imported 0 of 9: all already known" "$output"
	engram-store --space=copy --export | cmp - one
}

@test "conflicts come back as siblings" {
	engram-store --confidence=1 "same text"
	id=$(engram-store --confidence=0.5 --actor=other "same text")
	exits 0 engram-store --json --get "$id"
	same "0.5 [1]" "$(echo "$output" | jq -c '.confidence, [.conflicts[].confidence]' | tr '\n' ' ' | sed 's/ $//')"
	engram-store --export >one
	engram-store --space=copy --create --import=ndjson --preserve --adopt one
	engram-store --space=copy --export | cmp - one
}

@test "conflicts of every field come back as they were" {
	engram-store --key=k --confidence=0.5 --source=s --meta='{"a":1}' --tag=t "text" >/dev/null
	engram-store --export >base
	# Two copies of a memory, revised apart, as one export: what a merge of them reads as.
	jq -c 'if .type == "memory" then . + {confidence: 0.7, conflicts: [
		{kind: "episode", confidence: 0.9, stored: "2026-11-21T10:00:02Z", source: null},
		{kind: "concept", text: "another text", stored: "2026-11-21T10:00:01Z", actor: "me",
		 valid_until: "2030-01-01T00:00:00Z", tags: ["t"], meta: {"a": 2}}]} else . end' base >one
	exits 0 engram-store --space=copy --create --import=ndjson --preserve --adopt one
	engram-store --space=copy --export >two
	same "$(jq -cS . one)" "$(jq -cS . two)"
	engram-store --space=again --create --import=ndjson --preserve --adopt two
	engram-store --space=again --export | cmp two -
	exits 0 engram-store --space=again --import=ndjson --preserve --adopt two
	same "imported 0 of 1: all already known" "$output"
	engram-consolidate --space=again --rebuild
	engram-store --space=again --export | cmp two -
	# What wins is what the record says, also that a field is absent.
	same 'text 0.7 s null' "$(sed 1d two | jq -r '"\(.text) \(.confidence) \(.source) \(.actor)"')"
	# A revision settles what it states, and nothing else.
	id=$(sed 1d two | jq -r .id)
	engram-store --space=again --revise "$id" --confidence=0.8
	same '["source"] 2' "$(engram-store --space=again --json --get "$id" |
		jq -r '"\(.conflicts[0] | keys - ["kind", "stored"] | tojson) \(.conflicts | length)"')"
	engram-store --space=again --revise "$id" "a third" --source=s2 --clear=actor --clear=meta --clear=valid-until
	same '["kind"]' "$(engram-store --space=again --json --get "$id" |
		jq -c '[.conflicts[] | keys - ["stored", "tags"]] | add')"
	# Storing again under the key settles all.
	engram-store --space=again --key=k "a fourth"
	same null "$(engram-store --space=again --json --get "$id" | jq .conflicts)"
}

@test "conflicts that say nothing or are no conflicts are refused" {
	for c in '{}' '{"stored":"2026-11-21"}' '{"text":""}' '{"kind":null}' '{"tags":null}' '{"stored":null}'; do
		echo '{"key":"k","text":"x","conflicts":['"$c"']}' >in
		run --separate-stderr engram-store --import=ndjson --adopt in
		[ "$status" -ne 0 ] || { echo "taken: $c" >&2; return 1; }
	done
	echo '{"text":"x","source":null}' >in
	exits 65 engram-store --import=ndjson in
}

@test "without --adopt: a new space with new ids, the same memories" {
	rich >/dev/null
	engram-store --export >one
	exits 0 engram-store --space=other --create --import=ndjson one
	says "conflicting bodies left out"
	engram-store --space=other --export >two
	same "$(sed 1d one | jq -cS 'del(.id, .stored, .conflicts)' | sort)" \
		"$(sed 1d two | jq -cS 'del(.id, .stored, .conflicts)' | sort)"
	[ "$(head -n 1 one | jq -r .id)" != "$(head -n 1 two | jq -r .id)" ]
}

@test "the same file imported again adds nothing, into either" {
	rich >/dev/null
	engram-store --export >one
	exits 0 engram-store --import=ndjson one
	engram-store --space=other --create --import=ndjson one
	bytes=$(find "$ENGRAM_HOME/spaces/other/log" -name '*.wal' -exec cat {} + | wc -c)
	exits 0 engram-store --space=other --import=ndjson one
	same "imported 0 of 9: all already known" "$output"
	same "$bytes" "$(find "$ENGRAM_HOME/spaces/other/log" -name '*.wal' -exec cat {} + | wc -c)"
}

@test "adopting into a space that is not empty is refused" {
	engram-store one
	engram-store --export >one
	engram-store --space=other --create two
	run --separate-stderr engram-store --space=other --import=ndjson --adopt one
	[ "$status" -ge 65 ]
	says "one:1: "
	same two "$(engram-recall --space=other | cut -f 5)"
}

@test "recall's hits import too, without id, confidence and stored" {
	engram-store --tag=t "a memory with a tag"
	engram-recall --json --explain memory >hits
	exits 0 engram-store --space=other --create --import=ndjson hits
	prints "imported 1 of 1"
	exits 0 engram-store --space=other --export
	same 'a memory with a tag ["t"] null' "$(echo "${lines[1]}" | jq -r '"\(.text) \(.tags) \(.confidence)"')"
}

@test "an export of a revised memory without key, imported where it came from" {
	id=$(engram-store "before the revision")
	engram-store --revise "$id" "after it" >/dev/null
	engram-store --export >out
	# Without --adopt a record has the id of what it says: the revised text is new, once.
	exits 0 engram-store --import=ndjson out
	prints "imported 1 of 1: 0 already known"
	same 2 "$(engram-store --export | grep -c '"after it"')"
	exits 0 engram-store --import=ndjson out
	same "imported 0 of 1: all already known" "$output"
	# What was said first is not brought back.
	exits 1 engram-recall --mode=text before
}
