# Homes restored, copied, set back and away, which then meet (F24, F25, F26).
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

# A program on one of the homes a, b, c, by the clock of that time.
clock=()
on()
{
	local home=$1
	shift
	ENGRAM_HOME=$BATS_TEST_TMPDIR/$home "${clock[@]}" "$@"
}

put() { on "$1" engram-store --quiet "$2" >/dev/null; }
meet() { on "$1" engram-shipwal sync --create --quiet "local:$BATS_TEST_TMPDIR/$2"; }
all_meet()
{
	meet a b && meet b c && meet a c && meet a b && meet b c
}

# The bytes of a home as they were, into the same files: nothing that a store
# could see.
set_back()
{
	(
		cd "$1" || exit
		find . -type f | while read -r file; do
			if [ -e "../$2/$file" ]; then cat "../$2/$file" >"$file"; else rm "$file"; fi
		done
	)
}

# a, b and c show the same, among it each of these texts, and are sound.
all_show()
{
	local home text wanted found
	wanted=$(on a engram-store --export)
	for text; do
		contains "$wanted" "\"text\":\"$text\"" || { echo "lost: $text"; return 1; }
	done
	for home in b c; do
		same "$wanted" "$(on "$home" engram-store --export)" || return
		same "$(on a engram-shipwal --json position | jq -r .digest)" \
			"$(on "$home" engram-shipwal --json position | jq -r .digest)" || return
	done
	for home in a b c; do
		found=$(on "$home" engram-consolidate --check 2>&1) || { echo "$home: $found"; return 1; }
	done
}

count_series() { on "$1" engram-shipwal --json position | jq .series; }

@test "F25: a restored backup, the same one twice" {
	put a monday
	all_meet
	cp -a a backup
	put a tuesday
	meet a b
	rm -rf a
	cp -a backup a
	exits 0 on a engram-store wednesday
	says "this store is a copy: log "
	says "the next write begins a new series"
	rm -rf a
	cp -a backup a
	put a thursday
	all_meet
	all_show monday tuesday thursday
	# What was written after the first restore was in that home alone.
	same 2 "$(count_series c)"
	meet a b
	rm -rf a
	cp -a backup a
	put a friday
	all_meet
	all_show monday tuesday thursday friday
	same 3 "$(count_series c)"
}

@test "F26: a copied home, both written, and a third" {
	put a before
	cp -a a b
	put a "by the one"
	put b "by the copy"
	put a "by the one again"
	all_meet
	all_show before "by the one" "by the copy" "by the one again"
	same 2 "$(count_series c)"
}

@test "F25: a disk set back under its store: what it lost and what it wrote since" {
	memories_of_a
	all_meet
	cp -a a former
	put a "seen by others"
	put a "seen by others, too"
	meet a b
	set_back a former
	exits 0 on a engram-store "written since"
	same "" "$(grep -c "copy\|rolled" <<<"$stderr" | grep -v '^0$')"
	put a "written since, too"
	exits 0 meet a b
	says "was written by two stores from frame"
	says "what is here goes on as log"
	put a "in a new series"
	all_meet
	all_show "early 1" "early 140" "seen by others" "seen by others, too" "written since" "written since, too" \
		"in a new series"
	# Nothing more to say, and nothing to move.
	exits 0 on a engram-shipwal sync "local:$BATS_TEST_TMPDIR/b"
	same "" "$(grep "two stores" <<<"$stderr")"
	for home in a b c; do on "$home" engram-consolidate --rebuild; done
	all_show "early 1" "seen by others" "written since" "in a new series"
	# Both that found it say so.
	same 2 "$(on c engram-shipwal cat | grep -c '"kind":"fork"')"
}

memories_of_a() { seq -f 'early %g' 140 | on a engram-store --quiet - >/dev/null; }

@test "F25: set back and not written since: its peer has the rest" {
	put a one
	cp -a a former
	put a two
	put a three
	all_meet
	set_back a former
	exits 0 meet a b
	says "was rolled back: a peer has frame"
	put a four
	all_meet
	all_show one two three four
	same 2 "$(count_series b)"
}

@test "one disk set back to two states: forks of forks" {
	put a root
	put a stem
	cp -a a first
	put a left
	put a twig
	cp -a a second
	put a leaf
	meet a b
	set_back a second
	put a flower
	meet a c
	set_back a first
	put a right
	put a thorn
	put a bark
	all_meet
	all_meet
	all_show root stem left twig leaf flower right thorn bark
	rm -rf c
	all_meet
	all_show root leaf flower bark
}

@test "a memory of a branch is forgotten, its twin of the same number is not" {
	memories_of_a
	meet a b
	cp -a a former
	put a "kumquat"
	meet a b
	set_back a former
	id=$(on a engram-store --quiet "rambutan")
	all_meet
	on b engram-store --forget --yes --now "$id"
	all_meet
	for home in a b c; do on "$home" engram-consolidate --compact; done
	all_meet
	all_show kumquat "early 140"
	exits 1 grep -r rambutan a b c
}

@test "retire: a series that nobody will write again" {
	put a one
	all_meet
	series=$(on a engram-shipwal position | cut -d : -f 1)
	exits 66 on b engram-shipwal retire --yes ffffffffffffffffffffffffffffffff
	exits 0 on b engram-shipwal --json retire --yes "${series:0:8}"
	prints '"written":true'
	exits 0 on b engram-shipwal --json retire --yes "$series"
	prints '"written":false'
	exits 0 on a engram-shipwal --json retire --yes "$series"
	prints '"written":true'
	put a two
	all_meet
	all_show one two
	same 3 "$(count_series c)"
}

@test "F24: a year away with old records and old forgets" {
	command -v faketime >/dev/null || skip "needs faketime"
	put a "quagga by the river"
	put a "dodo on the beach"
	all_meet
	put c "last words"
	on c engram-store --quiet --forget --yes "$(on c engram-recall --ids -k 1 dodo)"
	clock=(faketime -f +365d)
	on a engram-store --quiet --forget --yes "$(on a engram-recall --ids -k 1 quagga)"
	put b "dodo on the beach"
	meet a b
	for home in a b; do on "$home" engram-consolidate --compact; done
	put c "back again"
	meet c a
	all_meet
	on c engram-consolidate --compact
	all_show "last words" "back again" "dodo on the beach"
	exits 1 grep -r quagga a b c
}
