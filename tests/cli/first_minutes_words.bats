# The first five minutes as a transcript: commands as they are typed, and what is
# then seen, compared word for word but for figures (numbers, ids, times, blanks).
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# Figures become #, ids ID, times T, runs of blanks one.
plain()
{
	sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/T/g; s/\b[0-7][0-9a-hjkmnp-tv-z]{25}\b/ID/g
		s/^((0\.[0-9]+|1\.00|-) +)[0-7][0-9a-hjkmnp-tv-z]{7}\b/\1ID/
		s/[0-9][0-9,]*(\.[0-9]+)?/#/g; s/[ \t]+/ /g; s/ $//'
}

# Reads a transcript: lines "$ command", each followed by what it prints.  The
# commands run in one directory; $terminal: at a terminal, else captured.
play()
{
	local line command="" wanted="" n=0
	while IFS= read -r line; do
		if [[ $line == '$ '* ]]; then
			[ -z "$command" ] || played "$command" "$wanted" || return 1
			command=${line#\$ } wanted=
			n=$((n + 1))
		else
			wanted+=$line$'\n'
		fi
	done
	played "$command" "$wanted" || return 1
	[ $n -gt 0 ]
}

played()
{
	if [ -n "${terminal-}" ]; then
		printf '%s\n' "$1" >command
		COLUMNS=100 NO_COLOR=1 SHELL=/bin/bash script -qec 'bash ./command' /dev/null </dev/null | tr -d '\r' >found
	else
		bash -c "$1" >found 2>&1 </dev/null || :
	fi
	printf %s "$2" | plain >wanted
	plain <found | diff wanted - >differs || {
		printf '%s\n' "\$ $1" "wanted <, found >:"
		cat differs
		return 1
	}
}

@test "install and first memory" {
	command -v script >/dev/null || skip "no script(1)"
	terminal=yes play <<-'END'
		$ engram-store "The mitochondria is the powerhouse of the cell"
		76d3k4ah1ahvgdkwwh6gxk3n3f
		engram-store: stored in space default
		$ engram-recall "what powers a cell"
		0.71  76d3k4ah  just now  vivid  The mitochondria is the powerhouse of the cell
		$ engram-recall mitocondria
		0.64  76d3k4ah  just now  vivid  The mitochondria is the powerhouse of the cell
		$ engram-recall "capital of peru"; echo $?
		engram-recall: nothing found in space default
		1
		$ engram-recall --min-confidence=1 "mitocondria of peru"; echo $?
		engram-recall: nothing in space default reaches confidence 1.00 (best 0.05; see --min-confidence)
		1
		$ engram-recall --json mitochondria | head -n 1 | cut -d , -f 1-5
		{"v":1,"type":"hit","id":"76d3k4ah1ahvgdkwwh6gxk3n3f","kind":"episode","text":"The mitochondria is the powerhouse of the cell"
		$ engram-store --space=quotes --create; engram-recall --space=qoutes cell; echo $?
		engram-recall: space "qoutes": does not exist (did you mean "quotes"?)
		66
	END
}

@test "batch import" {
	mkdir fortunes
	printf 'First, a thought.\n%%\nThen another\nof two lines.\n%%\nFirst, a thought.\n' >fortunes/one
	printf 'The third.\n' >fortunes/two
	cat >issues.json <<-'END'
		{"body":"Login fails","date":"2026-03-01T10:00:00Z","url":"https://example.org/1","labels":["bug"]}
		{"body":"Dark mode please","date":"yesterday","url":"https://example.org/2","labels":[]}
	END
	play <<-'END'
		$ engram-store --space=quotes --create --import=records --separator=% fortunes/*
		imported 3 of 4: 1 already known (equal text), 0 rejected, 1.2 s
		$ engram-store --space=quotes --import=records --separator=% fortunes/*
		imported 0 of 4: all already known
		$ jq -c '{text:.body,occurred:.date,source:.url,tags:.labels}' issues.json | engram-store --space=work --create --import=ndjson - 2>&1 >/dev/null; echo $?
		engram-store: stdin:2: occurred: wanted a time (RFC 3339 or a date), found "yesterday"
		3
		$ engram-store --space=work --export | gzip > work.ndjson.gz
		$ gzip -dc work.ndjson.gz | engram-store --space=again --create --import=ndjson -
		imported 1 of 1: 0 already known, 0 rejected, 0.0 s
	END
}

@test "an agent" {
	play <<-'END'
		$ engram-store --space=proj --create
		$ engram-recall --json --space=proj --budget=6000 "how do we run migrations" >/dev/null 2>&1; echo $?
		1
		$ engram-store --space=proj --actor=agent "Migrations run with make migrate; never by hand on prod" | wc -l
		1
		$ engram-recall --json --space=proj --budget=6000 "how do we run migrations" | cut -d , -f 1-5
		{"v":1,"type":"hit","id":"76d3k4ah1ahvgdkwwh6gxk3n3f","kind":"episode","text":"Migrations run with make migrate; never by hand on prod"
		{"v":1,"type":"summary","returned":1,"omitted":0,"over_budget":0
		$ engram-store --json --space=proj --actor=agent --if-new=0.8 "Migrations are run with 'make migrate'"; echo $?
		{"v":1,"type":"known","id":"76d3k4ah1ahvgdkwwh6gxk3n3f","similarity":0.93}
		0
		$ engram-recall --jsn x; echo $?
		engram-recall: unknown option --jsn; did you mean --json?
		2
		$ id=$(engram-recall --ids --space=proj | cut -c 1-5); engram-store --space=proj --forget $id --dry-run | cut -f 1,5 && engram-store --space=proj --forget $id --yes
		-	Migrations run with make migrate; never by hand on prod
		$ engram-recall --space=proj migrations; echo $?
		engram-recall: nothing found in space proj
		1
	END
}
