# The keys of every JSON object, and their order: what scripts and agents rely on.
# json-keys.txt is the promise: keys may be added to it, at their place in
# engram-formats(5), and never renamed, moved or taken away.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# NAME COMMAND...: the keys of each different object that the command prints on
# either stream; notes for people may stand between them.
keys()
{
	local name=$1
	shift
	{ "$@" 2>&1 || :; } | grep '^{' | jq -r --arg name "$name" \
		'[$name, .type, (keys_unsorted | join(" "))] | join(": ")' | awk '!seen[$0]++'
}

everything()
{
	local id
	keys store engram-store --json --key=k --tag=t --source=s --actor=a --confidence=0.9 --occurred=2026-01-02 \
		--valid-until=2027-01-02 --meta='{"m":1}' "The walrus eats clams"
	id=$(engram-recall --ids walrus)
	keys if-new engram-store --json --if-new=0.5 "The walrus eats the clams"
	engram-store "$(printf 'a walrus %.0s' $(seq 99))" >/dev/null
	printf '%s\n' '{"text":"with a vector","vector":[1,2],"embedder":"mine/1/2/f32"}' >vector
	keys import engram-store --json --import=ndjson vector
	keys get engram-store --json --get "$id"
	keys vector engram-store --json --get "$(engram-recall --ids -k 1)"
	keys revise engram-store --json --revise "$id" --tag=u
	keys learn engram-recall --json --learn --feedback="$id=yes"
	keys link engram-store --json --link "$id" "$(engram-recall --ids -k 1)" --relation=r --weight=0.5
	keys links engram-store --json --get "$id"
	keys export engram-store --export
	engram-store --actor=b --confidence=0.8 "with others" >/dev/null
	engram-store --confidence=0.7 "with others" >/dev/null
	keys conflicts engram-store --json --conflicts
	engram-store --forget --yes "$(engram-store --conflicts | head -n 1 | cut -f 1)" >/dev/null
	keys spaces engram-store --json --list-spaces
	keys recall engram-recall --json --explain -k 1 "walrus clams"
	keys list engram-recall --json
	keys batch engram-recall --json -k 1 --batch walrus
	keys budget engram-recall --json --budget=300 "a walrus a walrus"
	keys as-of engram-recall --json --as-of=2999-01-01 -k 1
	keys dry-run engram-store --json --dry-run "another text"
	keys consolidate engram-consolidate --json
	keys sync engram-shipwal --json sync local:copy
	keys position engram-shipwal --json position
	keys verify engram-shipwal --json verify
	keys cat engram-shipwal cat
	keys retire engram-shipwal --json retire "$(engram-shipwal position | cut -c 1-8)"
	keys forget engram-store --json --yes --forget "$id"
	keys nothing engram-recall --json zzzzqqqq
	keys usage engram-recall --json -k 0
	keys dry-drop engram-store --json --dry-run --drop-space default
	keys drop engram-store --json --yes --drop-space default
}

@test "the keys of every JSON object, in order" {
	everything | LC_ALL=C sort >found
	diff "${top_srcdir:-$BATS_TEST_DIRNAME/../..}/tests/cli/json-keys.txt" found
}

@test "v is 1 and type comes second, everywhere" {
	everything >found
	same "" "$(cut -d : -f 3 found | grep -v '^ v type ')"
}
