# What is forgotten on one store leaves every byte of every store that meets it.
# Variables of bats; each test is a subshell of its own.
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

# No other text has them; each stands for a field, and for how it came in.
first="glimvardok trepwyzan"
fields="tag-ulmvaqot source-brenxifal actor-dozwympek meta-kyrfantul key-joxbremid relation-vuthgalmo"
revised="quompliver stradzaken"
late="hexvormund tag-wolpyncho"

sync() { exits 0 engram-shipwal --home="$1" sync --create --quiet "local:$2"; }

# The same, and sound.
agree()
{
	equal "$1" "$2"
	exits 0 engram-consolidate --home="$1" --check
	exits 0 engram-consolidate --home="$2" --check
}

# Words that lie somewhere below a home, whatever the file.  Without its first and
# last letters each: an index may keep what it shares with its neighbour apart.
found()
{
	local home=$1 word part
	shift
	for word in "$@"; do
		part=${word#*-}
		part=${part:1:${#part}-2}
		if grep -raqi "$part" "$home"; then echo "$word"; fi
	done
}

# Each of the words is there; none of them is.
holds()
{
	local home=$1
	shift
	same "$(printf '%s\n' "$@")" "$(found "$home" "$@")"
}
clean() { same "" "$(found "$@")" || { echo "in home $1"; return 1; }; }

# Home a with a memory that has a word in every field, linked both ways, and a
# thousand others; b has all of it, revised and recalled since.  Home c left before.
secret_in_two_homes()
{
	seq -f 'an ordinary memory, number %g' 1000 | engram-store --home=a --create --quiet - >/dev/null
	other=$(engram-store --home=a --key=other "somebody else")
	id=$(engram-store --home=a --key=key-joxbremid --tag=tag-ulmvaqot --source=source-brenxifal \
		--actor=actor-dozwympek --meta='{"of":"meta-kyrfantul"}' "$first")
	exits 0 engram-store --home=a --link --relation=relation-vuthgalmo "$id" "$other"
	exits 0 engram-store --home=a --link --relation=relation-vuthgalmo "$other" "$id"
	sync a c
	exits 0 engram-store --home=a --revise "$id" "$revised"
	exits 0 engram-recall --home=a --learn "quompliver stradzaken"
	contains "$output" "$id"
	sync a b
	exits 0 engram-recall --home=b --learn --feedback="$id=yes" "glimvardok quompliver"
	engram-consolidate --home=a --quiet
	engram-consolidate --home=b --quiet
	# shellcheck disable=SC2086
	for home in a b; do holds "$home" $first $fields $revised; done
}

# What c says of it as long as it has not heard.
said_by_c()
{
	exits 0 engram-store --home=c --revise --tag=tag-wolpyncho "$id" "hexvormund"
	exits 0 engram-store --home=c --link --relation=relation-vuthgalmo "$id" "$(engram-store --home=c "a friend")"
	exits 0 engram-recall --home=c --learn "hexvormund"
	engram-consolidate --home=c --quiet
	# shellcheck disable=SC2086
	holds c $first $fields $late
}

gone()
{
	local home
	for home; do
		exits 66 engram-store --home="$home" --get "$id"
		same 0 "$(engram-store --home="$home" --export | grep -c "$id")"
		# shellcheck disable=SC2086
		clean "$home" $first $fields $revised $late
	done
}

# everywhere [OPTION]: consolidated with that option.
everywhere()
{
	secret_in_two_homes
	said_by_c
	exits 0 engram-store --home=b --yes --forget "$id"
	sync a b
	exits 66 engram-store --home=a --get "$id"
	engram-consolidate --home=a --quiet "$@"
	engram-consolidate --home=b --quiet "$@"
	gone a b
	agree a b
	# c was away with the old frames, and others of its own.
	sync c a
	exits 66 engram-store --home=a --get "$id"
	exits 66 engram-store --home=c --get "$id"
	sync a b
	for home in a b c; do engram-consolidate --home="$home" --quiet "$@"; done
	gone a b c
	agree a b
	agree a c
	exits 0 engram-recall --home=c -k 1 "a friend"
	prints "a friend"
	# Made anew from what is left, the same.
	before=$(state_digest c)
	exits 0 engram-consolidate --home=c --rebuild
	same "$before" "$(state_digest c)"
	gone c
}

@test "F24: forgotten on one store, no byte is left on any: --compact" {
	everywhere --compact
}

@test "F24: forgotten on one store, no byte is left on any: a plain run" {
	everywhere
}

# A space of few frames has a log only, until it is consolidated.
@test "F24: forgotten in a small space" {
	id=$(engram-store --home=a --create "$first")
	sync a b
	exits 0 engram-store --home=b --yes --forget "$id"
	sync a b
	engram-consolidate --home=a --quiet
	engram-consolidate --home=b --quiet
	gone a b
	agree a b
}
