# Conventions that hold for every program, 1 to 27: options 1-7, streams 8-16,
# environment 17-19, safety 20-24, what is installed 25-27.  They run over the
# list in tests/lib/engram.bash: a new program joins by its name there.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

on_terminal() { TERM=xterm COLUMNS=$1 script -qec "$2" /dev/null; }

@test "C01 an option that says nothing in a mode is refused, not dropped" {
	exits 2 engram-store --export --tag=a
	says "--tag: does not go with --export"
	exits 2 engram-store --now text
	says "--now: goes with --forget only"
}

@test "C01 operands are data, never verbs" {
	id=$(engram-store get)
	exits 0 engram-store --get "$id"
	prints "get"
	exits 0 engram-recall get
	prints "get"
	exits 2 engram-consolidate check
	says "takes no operands"
}

@test "C02 common options have one letter and one meaning everywhere" {
	for p in $programs; do
		"$p" --help=options | grep -E '^(space|home|json|null|quiet|verbose|dry-run|yes|no-input|wait|seq|format-version|color|progress|config|help|version)	' >"table.$p"
		same 17 "$(wc -l <"table.$p")"
		cmp table.engram-store "table.$p"
	done
}

@test "C03 B13: missing, superfluous and doubled values" {
	for p in $programs; do
		exits 2 "$p" --space
		says "--space: needs a value: SPACE"
		exits 2 "$p" -s
		says "--space: needs a value"
		exits 2 "$p" --json=yes
		says "--json: takes no value"
	done
	exits 2 engram-store --key=a --key=b text
	says "--key: given twice"
	exits 2 engram-store --get --forget abcd
	says "only one"
	[ ! -e "$ENGRAM_HOME" ]
}

@test "C03 options may follow operands, -- ends them, text may begin with -" {
	id=$(engram-store "first text" --tag=a)
	exits 0 engram-recall "first text" -k 1 --json
	prints '"tags":["a"]'
	exits 0 engram-store -- --not-an-option
	exits 0 engram-store --get "$output"
	prints "--not-an-option"
	[ ${#id} = 26 ]
}

@test "C04 without operands: two lines of usage that mention -, exit 2" {
	exits 2 engram-store
	same "" "$output"
	same 2 "$(echo "$stderr" | grep -cE 'engram-store (\[|--get)')"
	says " -"
	exits 2 engram-consolidate work
	says "takes no operands"
	says "--space"
}

@test "C04 stdin is read only for -" {
	engram-store one
	for c in "engram-recall one" "engram-store two" "engram-consolidate" "engram-store --export"; do
		echo not for you >in
		# shellcheck disable=SC2086
		{ $c >/dev/null; cat; } <in >left
		cmp in left
	done
	exits 2 engram-recall - </dev/null
	says "--batch"
}

@test "C05 --help is one screen on stdout, with examples, exit codes and the manual" {
	for p in $programs; do
		exits 0 "$p" --help
		same "" "$stderr"
		contains "${lines[0]}" "Usage: $p "
		[ "$(echo "$output" | wc -l)" -le 24 ]
		[ "$(echo "$output" | wc -L)" -le 80 ]
		prints "Exit status: 0"
		prints "Manual: $p(1), engram(7)"
		[ "$(echo "$output" | grep -c "^  $p ")" = 2 ]
		for q in $programs; do prints "$q"; done
	done
}

@test "C05 --help and --version answer whatever else is given" {
	for p in $programs; do
		exits 0 "$p" --no-such-option --help
		exits 0 "$p" --wait=x -h
		exits 0 "$p" --version
		[[ ${lines[0]} =~ ^$p\ \(engram\)\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
		exits 0 "$p" -V
	done
	[ ! -e "$ENGRAM_HOME" ]
}

@test "C05 --version names the libraries that are found" {
	for p in $programs; do
		exits 0 "$p" --version
		[[ $output =~ LMDB\ [0-9.]+,\ SQLite\ [0-9.]+ ]]
	done
}

@test "C06 B14: numbers out of range, negative, nan, with junk, in hex" {
	for v in 0 -1 nan 1e3 5x 0x5 '' ' 5' +5 10001 99999999999999999999; do
		exits 2 engram-recall --count="$v" cue
		says "--count: wanted a number 1..10000, found \"$v\""
	done
	for v in -0.1 1.1 nan 1e999 inf 0x1 '' 0,5 .; do
		exits 2 engram-store --confidence="$v" text
		says "--confidence: wanted a number 0..1, found \"$v\""
	done
	for v in -1 nan 1e9 2w '' 99999999999; do
		exits 2 engram-recall --wait="$v" cue
		says "--wait: wanted"
	done
	for v in yesterday 2026-13-01 2026-02-30 12:00 '' 10000-01-01; do
		exits 2 engram-store --occurred="$v" text
		says "--occurred: wanted a time"
	done
	exits 2 engram-recall --mode=hybird cue
	says 'did you mean hybrid?'
	[ ! -e "$ENGRAM_HOME" ]
}

@test "C06 times and durations: every form means the same instant, printed in UTC" {
	export ENGRAM_NOW=2026-11-21T10:00:00Z
	for t in 2026-11-18T10:00:00Z 2026-11-18T12:00:00+02:00 @1794996000 3d 72h; do
		id=$(engram-store --occurred="$t" "at $t")
		same "2026-11-18T10:00:00Z" "$(TZ=Asia/Tokyo engram-store --json --get "$id" | jq -r .occurred)"
	done
	for w in 0 1 0.5 500ms 10m 2h; do exits 0 engram-recall --wait="$w"; done
}

@test "C07 ids: 26 characters, any unique prefix of 4, an ambiguous one lists the candidates" {
	memories 5000
	engram-store --export | jq -r 'select(.type == "memory").id' | sort >ids
	same 5000 "$(grep -cE '^[0-7][0-9a-hjkmnp-tv-z]{25}$' ids)"
	id=$(sed -n 1p ids)
	exits 0 engram-store --get "${id:0:12}"
	exits 2 engram-store --get "${id:0:3}" || exits 65 engram-store --get "${id:0:3}"
	twice=$(cut -c 1-4 ids | uniq -d | sed -n 1p)
	[ -n "$twice" ]
	exits 65 engram-store --json --get "$twice"
	same "ambiguous-id" "$(echo "$stderr" | jq -r .code)"
	grep "^$twice" ids | while read -r candidate; do says "$candidate" || exit 1; done
}

@test "C08 nothing on standard output on failure" {
	engram-store one >/dev/null
	for c in "engram-recall --jsn x" "engram-recall --space=none x" "engram-store --get zzzz" \
		"engram-store --import=ndjson none" "engram-consolidate --space=none" "engram-recall --config=none x"; do
		# shellcheck disable=SC2086
		run --separate-stderr $c
		[ "$status" -ge 2 ]
		same "" "$output"
		[ -n "$stderr" ]
	done
}

@test "C09 a terminal: aligned, cut to the width, coloured unless NO_COLOR" {
	command -v script >/dev/null || skip "no script(1)"
	engram-store "The mitochondria is the powerhouse of the cell, and this sentence goes on and on beyond the width"
	run on_terminal 80 'engram-recall mitochondria'
	prints $'\e['
	prints "just now"
	prints "…"
	plain=$(echo "$output" | sed 's/\x1b\[[0-9;]*m//g' | tr -d '\r')
	same 80 "$(echo "$plain" | wc -L)"
	NO_COLOR=1 run on_terminal 80 'engram-recall mitochondria'
	[[ $output != *$'\e['* ]]
	TERM=xterm exits 0 engram-recall --color=always mitochondria
	[[ $output != *"…"* ]]
}

@test "C09 the same fields in the same order, on a terminal and not" {
	command -v script >/dev/null || skip "no script(1)"
	engram-store "alpha beta"
	found=$(NO_COLOR=1 on_terminal 120 'engram-recall alpha' | tr -d '\r')
	# shellcheck disable=SC2046
	set -- $(engram-recall alpha | tr '\t' '\n' | sed -n '2p;4p')
	[[ $found =~ ^[01]\.[0-9][0-9]\ +${1:0:8}\ +just\ now\ +$2\ +alpha\ beta$ ]]
}

@test "C10 --json: v and type first, a summary last; --seq and --format-version" {
	memories 20
	exits 0 engram-recall --json -k 5 memory
	same 6 "$(echo "$output" | grep -c '^{"v":1,"type":"')"
	same "summary" "$(echo "$output" | tail -n 1 | jq -r .type)"
	same '["v","type","returned","omitted","bytes","partial","missing","text_behind"]' \
		"$(echo "$output" | tail -n 1 | jq -c 'keys_unsorted | map(select(. != "over_budget"))')"
	exits 0 engram-recall --seq -k 5 memory
	same 6 "$(echo "$output" | tr -cd '\036' | wc -c)"
	same 6 "$(echo "$output" | jq --seq -c .type | wc -l)"
	for p in $programs; do
		exits 76 "$p" --format-version=2 x
		says "--format-version: wanted at most 1, found 2"
		exits 2 "$p" --seq --null x
	done
	exits 0 engram-recall --format-version=1 --json memory
}

@test "C11 numbers read back; no NaN; bytes that are not UTF-8 are refused at their offset" {
	printf '%s\n' '{"text":"a","confidence":0.33335,"vector":[0.1,-3.4e38,1e-45]}' >one.ndjson
	exits 0 engram-store --import=ndjson one.ndjson
	same '{"c":0.3334,"v":[0.1,-3.4e+38,1e-45]}' \
		"$(engram-store --export | grep '"memory"' | sed -E 's/.*"confidence":([^,]*),.*"vector":(\[[^]]*\]).*/{"c":\1,"v":\2}/;s/e38/e+38/')"
	printf '%s\n' '{"text":"b","confidence":NaN}' >two.ndjson
	exits 65 engram-store --import=ndjson two.ndjson
	exits 65 engram-store "$(printf 'ab\xffc')"
	says "byte 2"
}

@test "C12 the name in messages is the program's, whatever argv[0] says" {
	for p in $programs; do
		run --separate-stderr bash -c 'exec -a other "$(command -v "$1")" --jsn' _ "$p"
		same 2 "$status"
		says "$p: "
	done
}

@test "C12 B13: an unknown option names the nearest" {
	for p in $programs; do
		exits 2 "$p" --jsn
		same "$p: unknown option --jsn; did you mean --json?" "$stderr"
		exits 2 "$p" --xyzzyxyzzy
		same "$p: unknown option --xyzzyxyzzy" "$stderr"
		exits 2 "$p" -Z
		says "unknown option -Z"
		exits 2 "$p" -jZ
		says '"message":"unknown option -Z"'
	done
}

@test "C12 errors: one line, with the object and the way out; with --json an object" {
	engram-store --space=work --create "x"
	exits 66 engram-recall --space=wrok x
	same 'engram-recall: space "wrok": does not exist (did you mean "work"?)' "$stderr"
	same "" "$output"
	exits 66 engram-recall --json --space=wrok x
	same "" "$output"
	same '["v","type","code","exit","object","message","hint","retry"]' "$(echo "$stderr" | jq -c keys_unsorted)"
	same 'error no-space 66 wrok false' "$(echo "$stderr" | jq -r '"\(.type) \(.code) \(.exit) \(.object) \(.retry)"')"
	[ ! -e "$ENGRAM_HOME/spaces/wrok" ]
}

@test "C12 with --json no error has an empty object, and near misses have a hint" {
	engram-store --space=work --create one >/dev/null
	while IFS='|' read -r object hint call; do
		# shellcheck disable=SC2086
		run --separate-stderr $call
		same "$object" "$(echo "$stderr" | tail -n 1 | jq -r .object)"
		contains "$(echo "$stderr" | tail -n 1 | jq -r .hint)" "$hint"
	done <<-'END'
	--jsn|did you mean --json?|engram-recall --json --jsn x
	--mode|did you mean hybrid?|engram-recall --json --mode=hybird x
	--clear|did you mean source?|engram-store --json --revise --clear=sorce abcd
	--import|did you mean ndjson?|engram-store --json --import=ndjsn x
	--help|did you mean config?|engram-store --json --help=confg
	wrok|did you mean "work"?|engram-recall --json --space=wrok x
	--key||engram-store --json --key=k a b
	--count||engram-recall --json --count=0 x
	default||engram-recall --json x
	none.toml||engram-recall --json --config=none.toml x
	END
	echo '{"text":"x","tagz":[]}' >bad.ndjson
	run --separate-stderr engram-store --json --import=ndjson bad.ndjson
	same 'did you mean "tags"?' "$(echo "$stderr" | head -n 1 | jq -r .hint)"
	[[ $stderr != *'"object":""'* ]]
}

@test "C13 a captured stream has no colour and no progress" {
	memories 50
	for c in "engram-recall memory" "engram-store --export" "engram-consolidate --rebuild"; do
		# shellcheck disable=SC2086
		TERM=xterm exits 0 $c
		[[ $output$stderr != *$'\e'* ]]
		[[ $output$stderr != *$'\r'* ]]
	done
}

@test "C13 --progress: nothing by itself in a pipe, never with never" {
	memories 200
	engram-store --export >all.ndjson
	for when in auto never; do
		exits 0 engram-store --space=copy --create --import=ndjson --progress=$when all.ndjson
		[[ $stderr != *$'\r'* ]]
	done
	exits 0 engram-consolidate --rebuild --progress=always
	[[ $stderr != *$'\r'* ]]
}

@test "C14 F29: a full standard output is 74 with a message, in every way to print" {
	[ -c /dev/full ] || skip "no /dev/full"
	engram-store one two >/dev/null
	for c in "engram-store --help" "engram-recall --version" "engram-store three" "engram-recall one" \
		"engram-recall --json" "engram-store --export" "engram-store --list-spaces" \
		"engram-consolidate --check" "engram-recall --batch one two"; do
		# shellcheck disable=SC2086
		run --separate-stderr bash -c "$c >/dev/full"
		same "74 $c" "$status $c"
		says "standard output: No space left on device"
	done
}

@test "C14 F29: a closed standard output is 74, and no file of the store is taken for it" {
	engram-store one >/dev/null
	run --separate-stderr bash -c 'engram-store two >&-'
	same 74 "$status"
	run --separate-stderr bash -c 'engram-recall one >&- 2>&- <&-'
	same 74 "$status"
	exits 0 engram-consolidate --check
	exits 0 engram-recall two
}

@test "C14 F29: a reader that goes away ends the program silently, at every point" {
	memories 3000
	for n in 1 2 100; do
		run --separate-stderr bash -c "set -o pipefail; engram-store --export | head -n $n >/dev/null"
		[ "$status" = 141 ] || [ "$status" = 0 ]
		same "" "$stderr"
	done
	run --separate-stderr bash -c 'trap "" PIPE; set -o pipefail; engram-recall -k 3000 | head -n 1 >/dev/null'
	[ "$status" = 141 ] || [ "$status" = 0 ]
	same "" "$stderr"
	run --separate-stderr bash -c 'seq 3000 | engram-store - | head -n 1 >/dev/null'
	same "" "$stderr"
	exits 0 engram-consolidate --check
}

@test "C14 SIGINT and SIGTERM: what was printed is durable, then 130 and 143" {
	for pair in INT:130 TERM:143; do
		mkfifo pipe
		# A background job of a script ignores SIGINT: it is set back.
		env --default-signal=INT engram-store - <pipe >ids 3>&- &
		pid=$!
		exec 9>pipe
		echo "before ${pair%:*}" >&9
		until [ -s ids ]; do sleep 0.01; done
		kill -"${pair%:*}" $pid
		code=0
		wait $pid || code=$?
		exec 9>&-
		same "${pair#*:}" "$code"
		exits 0 engram-store --get "$(cat ids)"
		prints "before ${pair%:*}"
		rm pipe ids
	done
}

@test "C15 two runs over the same store print the same bytes" {
	memories 200
	for c in "engram-recall -k 100 memory" "engram-recall --json -k 200" "engram-store --export" \
		"engram-recall --mode=vector --min-confidence=0 --json memry" "engram-store --list-spaces"; do
		# shellcheck disable=SC2086
		$c >one
		# shellcheck disable=SC2086
		$c >two
		cmp one two
	done
}

@test "C16 an id that was printed is stored, also where the next one could not be printed" {
	[ -c /dev/full ] || skip "no /dev/full"
	run --separate-stderr bash -c 'engram-store "said to nobody" >/dev/full'
	same 74 "$status"
	exits 0 engram-recall "said to nobody"
	prints "said to nobody"
}

@test "C17 a wrong variable is a configuration error" {
	ENGRAM_WAIT=soon exits 78 engram-recall x
	says "ENGRAM_WAIT: wanted"
	ENGRAM_HMOE=x exits 66 engram-recall -v x
	says "ENGRAM_HMOE is set but means nothing here"
}

@test "C17 variables: each is heeded, an option is over it, an unknown one is told once with -v" {
	ENGRAM_SPACE=work engram-store --create one >/dev/null
	ENGRAM_SPACE=work exits 0 engram-recall one
	ENGRAM_SPACE=none exits 0 engram-recall --space=work one
	id=$(ENGRAM_ACTOR=ada engram-store two)
	same ada "$(engram-store --json --get "$id" | jq -r .actor)"
	id=$(ENGRAM_ACTOR=ada engram-store --actor=eve three)
	same eve "$(engram-store --json --get "$id" | jq -r .actor)"
	for p in $programs; do
		same "3 ENGRAM_WAIT" "$(ENGRAM_WAIT=3 "$p" --help=config | awk -F '\t' '$1 == "wait" { print $2, $3 }')"
		same "my filter ENGRAM_EMBED_COMMAND" \
			"$(ENGRAM_EMBED_COMMAND="my filter" "$p" --help=config | awk -F '\t' '$1 == "embed.command" { print $2, $3 }')"
		same "1" "$(ENGRAM_HMOE=x "$p" -v --space=none 2>&1 | grep -c 'ENGRAM_HMOE is set but means nothing here (did you mean ENGRAM_HOME?)')"
		same "0" "$(ENGRAM_HMOE=x "$p" --space=none 2>&1 | grep -c ENGRAM_HMOE)"
	done
	ENGRAM_DEBUG=1 exits 66 engram-recall --space=none x
	says "debug: code no-space, exit 66, errno 0"
	NO_COLOR=1 CLICOLOR_FORCE=1 exits 0 engram-recall two
	[[ $output != *$'\e['* ]]
	CLICOLOR_FORCE=1 exits 0 engram-recall two
	[[ $output == *$'\e['* ]]
}

@test "C18 no option or variable takes a secret" {
	for p in $programs; do
		same "" "$("$p" --help=options | cut -f 1 | grep -E 'pass|secret|token|credential')"
		same "" "$("$p" -v --help=config | cut -f 1 | grep -E 'pass|secret|token|credential')"
	done
}

@test "C19 modes of files and directories: 0600 and 0700" {
	(umask 000 && engram-store one && engram-consolidate --rebuild) >/dev/null
	same "" "$(find "$ENGRAM_HOME" -type f ! -perm 600)"
	same "" "$(find "$ENGRAM_HOME" -type d ! -perm 700)"
}

@test "C20 what destroys asks, needs --yes where nobody can be asked, and --dry-run changes no byte" {
	id=$(engram-store "to be forgotten")
	engram-store --space=work --create x >/dev/null
	tree "$ENGRAM_HOME" >before
	for c in "engram-store --forget $id" "engram-store --drop-space work"; do
		# shellcheck disable=SC2086
		exits 2 $c </dev/null
		says "--yes"
		# shellcheck disable=SC2086
		exits 0 $c --dry-run
		[ -n "$output" ]
	done
	exits 0 engram-store --dry-run more
	exits 0 engram-consolidate --dry-run --compact
	tree "$ENGRAM_HOME" >after
	cmp before after
	command -v script >/dev/null || skip "no script(1)"
	run bash -c "echo | script -qec 'engram-store --forget $id' /dev/null"
	prints "? [y/N]"
	exits 0 engram-store --get "$id"
	run on_terminal 80 "engram-store --no-input --forget $id"
	prints "needs --yes"
	exits 0 engram-store --yes --forget "$id"
}

@test "C21 a retry changes nothing: same ids, nothing stored twice" {
	same "$(engram-store one two)" "$(engram-store one two)"
	same "$(engram-store --key=k "first")" "$(engram-store --key=k "second")"
	seq -f '{"text":"line %g"}' 100 >lines.ndjson
	exits 0 engram-store --import=ndjson lines.ndjson
	engram-store --export >before
	exits 0 engram-store --import=ndjson lines.ndjson
	engram-store --export >after
	cmp before after
}

@test "C22 20 writers at once lose nothing" {
	engram-store --create first >/dev/null
	for w in $(seq 20); do
		seq -f "writer $w memory %g" 20 | engram-store - >"ids.$w" &
	done
	wait
	same 400 "$(cat ids.* | sort -u | wc -l)"
	same 401 "$(engram-store --list-spaces | cut -f 2)"
	exits 0 engram-consolidate --check
}

@test "C23 a project's file chooses a space; a command, a peer, a path are refused" {
	engram-store --space=proj --create "the parser" >/dev/null
	echo 'space = "proj"' >.engram.toml
	exits 0 engram-recall parser
	for bad in 'embed.command = "touch owned"' 'cluster.discovery.seed_nodes = ["evil:1"]'; do
		echo "$bad" >.engram.toml
		for p in $programs; do
			exits 78 "$p" x
			says "a project's file may not set it"
		done
	done
	[ ! -e owned ]
}

@test "C24 no program reaches for a network" {
	needs_root
	unshare -n true 2>/dev/null || skip "no network namespaces"
	exits 0 unshare -n engram-store one
	exits 0 unshare -n engram-recall one
}

@test "C25 --help=options lists every option of --help, and only these" {
	for p in $programs; do
		"$p" --help=options | cut -f 1 | sort >table
		"$p" --help | sed '/^Usage/d;/^       engram-/d;/^  engram-/d' | grep -oE -- '--[a-z-]+' | sed 's/^--//' | sort -u >shown
		"$p" --help | grep -E '^(Usage:|      ) engram-|^  engram-' | grep -oE -- '--[a-z-]+' | sed 's/^--//' | sort -u >used
		same "" "$(comm -3 table shown)"
		same "" "$(comm -13 table used)"
	done
}

@test "C25 the manual names every option of the table" {
	for p in $programs; do
		page=${top_srcdir:?is set by make check}/man/$p.1
		for o in $("$p" --help=options | cut -f 1); do
			grep -qE "^\.It Fl (. , )?-$o( |$)" "$page" || { echo "$p: --$o is not in the manual"; return 1; }
		done
	done
}

@test "C26 every bats file is run by make check" {
	cd "${top_srcdir:?is set by make check}/tests/cli"
	for f in *.bats; do
		grep -q "/$f" local.mk || { echo "$f is in no list"; return 1; }
	done
}

@test "C27 one prefix, and each --help names the others" {
	for p in $programs; do
		[[ $p == engram-* ]]
		for q in $programs; do
			"$p" --help | tail -n 2 | grep -q "$q"
		done
	done
}
