# What a newcomer does in the first five minutes, as written down beforehand.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

@test "the first memory" {
	exits 0 engram-store "The mitochondria is the powerhouse of the cell"
	[[ $output =~ ^[0-9a-hjkmnp-tv-z]{26}$ ]]
	same "" "$stderr"
	id=$output

	exits 0 engram-recall "what powers a cell"
	same "$id" "$(echo "$output" | cut -f 2)"
	same "The mitochondria is the powerhouse of the cell" "$(echo "$output" | cut -f 5)"

	exits 0 engram-recall mitocondria
	same "$id" "$(echo "$output" | cut -f 2)"

	exits 1 engram-recall "capital of peru"
	same "" "$output"
	[[ $stderr == "engram-recall: nothing "*"in space default"* ]]

	exits 0 engram-recall --json mitochondria
	same "$id" "$(echo "$output" | jq -r 'select(.type == "hit").id')"
	same 1 "$(echo "$output" | jq 'select(.type == "summary").returned')"
}

@test "below the limit: exit 1 names the best; --min-confidence=0 shows it" {
	engram-store "The mitochondria is the powerhouse of the cell" "Peru has many potatoes"
	exits 1 engram-recall --min-confidence=1 "capital of peru"
	says "nothing in space default reaches confidence 1.00 (best 0."
	exits 0 engram-recall --min-confidence=0 "capital of peru"
	prints "Peru has many potatoes"
	exits 1 engram-recall --json --min-confidence=1 "capital of peru"
	same "0 true" "$(echo "$output" | jq -r '"\(.returned) \(.omitted > 0)"')"
	same "nothing-found 1" "$(echo "$stderr" | jq -r '"\(.code) \(.exit)"')"
}

@test "recall creates no file and changes no byte" {
	exits 66 engram-recall anything
	[ ! -e "$ENGRAM_HOME" ]
	memories 300
	before=$(tree "$ENGRAM_HOME")
	engram-recall "memory 7" >/dev/null
	engram-recall --mode=vector --json memory >/dev/null
	engram-recall >/dev/null
	engram-recall --min-confidence=0 --like "$(engram-recall -k 1 "memory 9" | cut -f 2)" >/dev/null
	same "$before" "$(tree "$ENGRAM_HOME")"
}

@test "only the space default appears by itself" {
	exits 66 engram-store --space=work "text"
	says 'space "work"'
	[ ! -e "$ENGRAM_HOME/spaces/work" ]
	exits 0 engram-store --space=work --create
	same "" "$output"
	exits 0 engram-store --space=work "text"
	exits 0 engram-store --space=work --create "again"
	exits 0 engram-store --list-spaces
	same work "$(echo "$output" | cut -f 1)"
}

@test "import from jq: bad lines are named, the rest goes in, exit 3; --strict stops" {
	cat >issues.json <<-'END'
	{"body":"Login fails after the update","date":"2026-03-01T10:00:00Z","url":"https://example.org/1","labels":["bug"]}
	{"body":"Dark mode please","date":"yesterday","url":"https://example.org/2","labels":[]}
	{"body":"The migration lock was held","date":"2026-03-02","url":"https://example.org/3","labels":["ops","bug"]}
	END
	jq -c '{text:.body,occurred:.date,source:.url,tags:.labels}' issues.json >in
	exits 3 engram-store --space=work --create --import=ndjson - <in
	same 'engram-store: stdin:2: occurred: wanted a time (RFC 3339 or a date), found "yesterday"' "$stderr"
	prints "imported 2 of 3: 0 already known, 1 rejected"
	exits 0 engram-recall --space=work --tag=bug "migration lock"
	same "The migration lock was held" "$(echo "$output" | cut -f 5 | head -n 1)"

	exits 3 engram-store --space=work --import=ndjson in
	prints "imported 0 of 3: 2 already known, 1 rejected"
	says "in:2: occurred"

	exits 65 engram-store --space=strict --create --import=ndjson --strict in
	same "imported 0 of 3: 1 rejected, and --strict stores all or nothing" "$output"
	same 0 "$(engram-store --space=strict --export | grep -c '"type":"memory"')"
}

@test "batch import of fortunes; again is harmless" {
	dir=/usr/share/games/fortunes
	[ -d $dir ] || skip "no fortunes"
	mkdir fortunes
	find $dir -type f ! -name '*.*' -exec cp -t fortunes {} +
	exits 0 engram-store --space=quotes --create --import=records --separator=% fortunes/*
	[[ $output =~ ^imported\ ([0-9,]+)\ of\ ([0-9,]+):\ ([0-9,]+)\ already\ known\ \(equal\ text\),\ 0\ rejected,\ [0-9]+\.[0-9]\ s$ ]]
	total=${BASH_REMATCH[2]}
	same "${total//,/}" "$((${BASH_REMATCH[1]//,/} + ${BASH_REMATCH[3]//,/}))"
	exits 0 engram-store --space=quotes --import=records --separator=% fortunes/*
	same "imported 0 of $total: all already known" "$output"
}

@test "an agent: json, an actor, exit 1 when nothing is known, a copy is known" {
	engram-store --space=proj --create
	exits 1 engram-recall --json --space=proj "how do we run migrations"
	same 0 "$(echo "$output" | jq .returned)"
	exits 0 engram-store --json --space=proj --actor=agent "Migrations run with make migrate; never by hand on prod"
	id=$(echo "$output" | jq -r 'select(.type == "stored").id')
	exits 0 engram-recall --json --space=proj "how do we run migrations"
	same "$id agent" "$(echo "$output" | jq -r 'select(.type == "hit") | "\(.id) \(.actor)"')"
	same 1 "$(echo "$output" | tail -n 1 | jq 'select(.type == "summary").returned')"
	# What recall printed goes back in without a second copy.
	echo "$output" | engram-store --space=proj --import=ndjson -
	same 1 "$(engram-store --space=proj --export | grep -c '"type":"memory"')"

	ENGRAM_SPACE=proj ENGRAM_ACTOR=cron exits 0 engram-store "Backups run at three"
	exits 0 engram-recall --space=proj --actor=cron
	same "Backups run at three" "$(echo "$output" | cut -f 5)"
}

@test "forget: dry run, then yes; the bytes are gone after the next consolidation" {
	id=$(engram-store "The code of the safe is 4711")
	engram-store "Something else"
	before=$(tree "$ENGRAM_HOME")
	exits 0 engram-store --forget "${id:0:8}" --dry-run
	same "$id" "$(echo "$output" | cut -f 2)"
	same "$before" "$(tree "$ENGRAM_HOME")"
	exits 2 engram-store --forget "$id" </dev/null
	says "--yes"
	exits 0 engram-store --forget "$id" --yes
	exits 66 engram-store --get "$id"
	exits 1 engram-recall "code of the safe"
	exits 0 engram-store --forget "$id" --yes
	exits 0 engram-consolidate
	same "" "$(grep -rl "code of the safe" "$ENGRAM_HOME")"
}

@test "consolidate from cron: quiet when fine, also with nothing to do" {
	memories 300
	exits 0 engram-consolidate --all-spaces --quiet --wait=0
	same "" "$output$stderr"
	exits 0 engram-consolidate --all-spaces --quiet --wait=0
	same "" "$output$stderr"
	exits 0 engram-consolidate
	same "" "$output$stderr"
}
