# Links, and what --learn keeps: stored, read, forgotten, carried from space to space.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# a -> b cites, a -> c; c -> a.
linked()
{
	cat >in.ndjson <<-'EOF'
		{"key":"a","text":"Ada likes green tea","links":[{"key":"b","relation":"cites"},{"key":"c","weight":0.5,"confidence":0.7}]}
		{"key":"b","text":"Tea grows in Assam"}
		{"key":"c","text":"Assam is in India","links":[{"key":"a"}]}
	EOF
	engram-store --quiet --import=ndjson in.ndjson
}

id_of() { engram-store --export | jq -r "select(.key == \"$1\").id"; }
links_of() { engram-store --json --get "$(id_of "$1")" | jq -c '[.links[]? | del(.to)]'; }
frames() { engram-store --list-spaces --json | jq .frames; }

# Fails where a file of the home holds it.
nowhere()
{
	if grep -rq "$1" "$ENGRAM_HOME"; then
		return 1
	fi
}

@test "links: imported by key, shown by id, imported again without a frame" {
	linked
	same '[{"weight":0.5,"confidence":0.7},{"relation":"cites"}]' "$(links_of a | jq -c 'sort_by(.relation)')"
	same '[{}]' "$(links_of c)"
	before=$(frames)
	exits 0 engram-store --import=ndjson in.ndjson
	same "$before" "$(frames)"
	exits 0 engram-consolidate --check
}

@test "links: export, import --preserve --adopt, export: the same bytes" {
	linked
	engram-store --export >out.ndjson
	exits 0 engram-store --space=two --create --import=ndjson --preserve --adopt out.ndjson
	engram-store --space=two --export >again.ndjson
	cmp out.ndjson again.ndjson
	engram-consolidate --quiet --rebuild --space=two
	engram-store --space=two --export | cmp - out.ndjson
	exits 0 engram-consolidate --check --space=two
}

@test "links: ids of another space are left out and counted" {
	linked
	engram-store --export >out.ndjson
	exits 0 engram-store --space=two --create --import=ndjson out.ndjson
	engram-store --space=two --export >two.ndjson
	same 0 "$(grep -c links two.ndjson)"
}

@test "links: forgetting either end takes them, storing it again does not bring them back" {
	linked
	a=$(id_of a)
	exits 0 engram-store --yes --forget "$(id_of b)"
	same '[{"weight":0.5,"confidence":0.7}]' "$(links_of a)"
	exits 0 engram-store --yes --forget "$a"
	same '[]' "$(links_of c)"
	engram-store --key=a "Ada likes green tea"
	same '[]' "$(links_of c)"
	same '[]' "$(links_of a)"
	exits 0 engram-consolidate --check
}

@test "links: edge records, and what is wrong with one" {
	linked
	b=$(id_of b) c=$(id_of c)
	echo '{"v":1,"type":"edge","from":"'"$b"'","to":"'"$c"'","relation":"in"}' >edges
	exits 0 engram-store --import=ndjson edges
	same '[{"relation":"in"}]' "$(links_of b)"
	exits 0 engram-store --import=ndjson edges
	for bad in '{"v":1,"type":"edge","from":"'"$b"'"}' \
	           '{"v":1,"type":"edge","from":"'"$b"'","to":"'"$b"'"}' \
	           '{"v":1,"type":"edge","from":"'"$b"'","to":"'"$c"'","relation":"In Short"}' \
	           '{"text":"x","links":[{"key":"a","weight":2}]}' \
	           '{"text":"x","links":[{"key":"a","confidence":0}]}' \
	           '{"text":"x","links":[{"relation":"cites"}]}' \
	           '{"text":"x","links":["no id"]}' \
	           '{"text":"x","relation":"cites"}'; do
		echo "$bad" >bad
		exits 65 engram-store --import=ndjson bad
	done
}

@test "learn: a judgement counts once, another verdict replaces it" {
	linked
	a=$(id_of a)
	exits 0 engram-recall --json --learn --feedback="$a=yes" "green tea"
	before=$(frames)
	exits 0 engram-recall --json --learn --feedback="$a=yes" "green tea"
	same 0 "$(echo "${lines[-1]}" | jq .learned)"
	same "$before" "$(frames)"
	exits 0 engram-recall --json --explain -k 1 "green tea"
	same '1 0' "$(echo "${lines[0]}" | jq -r '"\(.why.useful) \(.why.useless)"')"
	exits 0 engram-recall --json --learn --feedback="$a=no" "green tea"
	exits 0 engram-recall --json --explain -k 1 "green tea"
	same '0 1' "$(echo "${lines[0]}" | jq -r '"\(.why.useful) \(.why.useless)"')"
	exits 0 engram-consolidate --check
}

@test "learn: a recall is a rehearsal, one an hour, and is forgotten more slowly" {
	export ENGRAM_NOW=2026-11-21T08:00:00Z
	linked
	export ENGRAM_NOW=2026-11-21T12:00:00Z
	engram-store --quiet "something else" >/dev/null
	before=$(engram-recall --json -k 1 "green tea" | jq -s '.[0].retention')
	exits 0 engram-recall --json --learn "green tea"
	n=$(echo "${lines[-1]}" | jq .learned)
	[ "$n" -ge 1 ]
	exits 0 engram-recall --json --learn "green tea"
	same 0 "$(echo "${lines[-1]}" | jq .learned)"
	exits 0 engram-recall --json --explain -k 1 "green tea"
	same 1 "$(echo "${lines[0]}" | jq .why.rehearsals)"
	jq -en "$(echo "${lines[0]}" | jq .retention) > $before" >/dev/null
	engram-consolidate --quiet --rebuild
	exits 0 engram-recall --json --explain -k 1 "green tea"
	same 1 "$(echo "${lines[0]}" | jq .why.rehearsals)"
}

@test "learn: ids that are not there, and calls that make no sense" {
	linked
	a=$(id_of a)
	exits 66 engram-recall --learn --feedback=zzzz9999=no
	exits 3 engram-recall --learn --feedback=zzzz9999=no --feedback="$a=yes"
	exits 2 engram-recall --learn
	exits 2 engram-recall --feedback="$a=yes" tea
	exits 2 engram-recall --learn --feedback="$a=maybe"
	exits 2 engram-recall --learn --as-of=1d tea
	before=$(frames)
	exits 0 engram-recall --dry-run --learn --feedback="$a=no" tea
	same "$before" "$(frames)"
}

@test "learn: no word of the cue reaches a file" {
	linked
	exits 0 engram-recall --learn --feedback="$(id_of a)=yes" "green tea xylophonic"
	nowhere xylophonic
}

@test "links: what was forgotten leaves every file" {
	linked
	engram-store --quiet --key=d --tag=x "Dent of dishes" >/dev/null
	echo '{"key":"e","text":"Ewer","links":[{"key":"d","relation":"unspeakable"},{"key":"a","relation":"plain"}]}' >e
	echo '{"key":"f","text":"Fennel","links":[{"key":"d","relation":"unthinkable"}]}' >>e
	exits 0 engram-store --import=ndjson e
	exits 0 engram-recall --learn -k 2 "dishes ewer"
	exits 0 engram-consolidate
	grep -rq unthinkable "$ENGRAM_HOME"
	exits 0 engram-store --yes --forget --now "$(id_of d)" "$(id_of e)"
	nowhere unspeakable
	nowhere unthinkable
	exits 0 engram-consolidate --check
	engram-store --export >before
	exits 0 engram-consolidate --rebuild
	exits 0 engram-consolidate --check
	engram-store --export | cmp - before
}

@test "link: prefixes, relation, weight; dry run; taken back" {
	a=$(engram-store "Ada likes green tea") b=$(engram-store "Tea grows in Assam") c=$(engram-store "Assam")
	exits 0 engram-store --dry-run --json --link "${a:0:8}" "$b" --relation=cites
	same '{"v":1,"type":"edge","from":"'"$a"'","to":"'"$b"'","relation":"cites"}' "$output"
	same 0 "$(engram-store --json --get "$a" | jq '.links | length')"
	exits 0 engram-store --link "${a:0:8}" "$b" "$c" --relation=cites --weight=0.5
	same "$a"$'\t'"$b"$'\t'cites "${lines[0]}"
	before=$(frames)
	echo "$b" | engram-store --link "$a" - --relation=cites --weight=0.5 >/dev/null
	same "$before" "$(frames)"
	same '[0.5,0.5]' "$(engram-store --json --get "$a" | jq -c '[.links[].weight]')"
	exits 0 engram-store --link "$a" "$b" --relation=cites --weight=0
	same '["'"$c"'"]' "$(engram-store --json --get "$a" | jq -c '[.links[].to]')"
	exits 0 engram-store --link "$a" "$b" --relation=cites
	same 2 "$(engram-store --json --get "$a" | jq '.links | length')"
	exits 66 engram-store --link zzzz9999 "$b"
	exits 66 engram-store --link "$a" zzzz9999
	exits 3 engram-store --link "$a" zzzz9999 "$b"
	exits 65 engram-store --link "$a" "$b" --relation="Two Words"
	exits 65 engram-store --link "$a" "$a"
	exits 2 engram-store --link "$a"
	exits 2 engram-store --relation=cites text
	exits 0 engram-consolidate --check
}
