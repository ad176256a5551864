# What share/AGENTS.md tells an agent: every command in it is run as written.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

agents_md=${top_srcdir:-$BATS_TEST_DIRNAME/../..}/share/AGENTS.md

# The indented lines.
commands() { sed -n 's/^    \(engram-.*\)/\1/p' "$agents_md"; }

@test "AGENTS.md: every command does what the text says" {
	same 10 "$(commands | wc -l)"
	id=
	while read -r command; do
		case $command in
		*'"how do we run migrations"')
			exits 1 bash -c "$command"
			engram-store --space=proj "Migrations run with make migrate; never by hand on prod" >id
			exits 0 bash -c "$command"
			[ "$(printf '%s\n' "$output" | wc -c)" -le 6000 ]
			id=$(cat id)
			same "$id" "$(echo "$output" | jq -r 'select(.type == "hit").id')"
			same 1 "$(echo "$output" | jq 'select(.type == "summary").returned')"
			for field in text confidence id stored; do
				same true "$(echo "${lines[0]}" | jq "has(\"$field\")")"
			done
			;;
		*--if-new*)
			exits 0 bash -c "$command"
			same stored "$(echo "$output" | jq -r .type)"
			exits 0 bash -c "$command"
			same known "$(echo "$output" | jq -r .type)"
			;;
		*--as-of*) ENGRAM_NOW=2999-01-01 exits 0 bash -c "${command/1d/2998-12-31}" ;;
		*--get*) exits 0 bash -c "${command//ID/$id}"; same "$id" "$(echo "$output" | jq -r .id)" ;;
		*) exits 0 bash -c "${command//ID/${id:0:8}}" ;;
		esac
	done < <(commands)
	exits 66 engram-store --space=proj --get "$id"
}

@test "AGENTS.md: every option in it exists" {
	for program in engram-store engram-recall; do
		grep -oE "$program [^|]*" "$agents_md" | grep -oE -- ' --[a-z-]+' | tr -d ' ' | sort -u >used
		"$program" --help=options | cut -f 1 | sed 's/^/--/' | sort >there
		same "" "$(comm -23 used there)"
	done
}

@test "--if-new: what is known in nearly the same words is not stored again" {
	id=$(engram-store "Migrations run with make migrate; never by hand on prod")
	exits 0 engram-store --json --if-new=0.8 "Migrations are run with 'make migrate'"
	same '["v","type","id","similarity"]' "$(echo "$output" | jq -c keys_unsorted)"
	same "$id true" "$(echo "$output" | jq -r 'select(.type == "known") | "\(.id) \(.similarity >= 0.8 and .similarity < 1)"')"
	exits 0 engram-store --if-new=0.8 "Migrations are run with 'make migrate'"
	same "$id" "$output"
	exits 0 engram-store --json --if-new=1 "Migrations run with make migrate; never by hand on prod"
	same '"known" 1' "$(echo "$output" | jq -r '"\"\(.type)\" \(.similarity)"')"
	exits 0 engram-store --json --if-new=0.99 "Migrations are run with 'make migrate'"
	same stored "$(echo "$output" | jq -r .type)"
	exits 0 engram-store --json --if-new=0.5 "Backups are made at three"
	same stored "$(echo "$output" | jq -r .type)"
	same 3 "$(engram-recall | wc -l)"

	# Lines are compared with those before them too; a forgotten one is not known.
	printf '%s\n' "tea is green" "tea is green" "coffee is black" | engram-store --json --if-new=0.9 - >out
	same "stored known stored" "$(jq -r .type out | tr '\n' ' ' | sed 's/ $//')"
	engram-store --forget --yes "$id"
	exits 0 engram-store --json --if-new=1 "Migrations run with make migrate; never by hand on prod"
	same stored "$(echo "$output" | jq -r .type)"

	exits 0 engram-store --space=new --create --if-new=0.9 "first"
	exits 2 engram-store --if-new=0.9 --key=k text
	exits 2 engram-store --if-new=0.9 --dry-run text
	exits 2 engram-store --if-new=2 text
	exits 65 engram-store --if-new=0.9 $'\xff'
	exits 2 engram-store --if-new=0.9 --get abcd
}
