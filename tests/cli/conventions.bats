# Conventions that hold for every program: options, help, streams, exit codes.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

@test "--help is one screen on stdout, with examples, exit codes and the manual" {
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

@test "--help and --version answer whatever else is given" {
	for p in $programs; do
		exits 0 "$p" --no-such-option --help
		exits 0 "$p" --wait=x -h
		exits 0 "$p" --version
		[[ ${lines[0]} =~ ^$p\ \(engram\)\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
		exits 0 "$p" -V
	done
	[ ! -e "$ENGRAM_HOME" ]
}

@test "--help=options lists every option of --help, and only these" {
	for p in $programs; do
		"$p" --help=options | cut -f 1 | sort >table
		"$p" --help | sed '/^Usage/d;/^       engram-/d;/^  engram-/d' | grep -oE -- '--[a-z-]+' | sed 's/^--//' | sort -u >shown
		"$p" --help | grep -E '^(Usage:|      ) engram-|^  engram-' | grep -oE -- '--[a-z-]+' | sed 's/^--//' | sort -u >used
		same "" "$(comm -3 table shown)"
		same "" "$(comm -13 table used)"
	done
}

@test "common options have one letter and one meaning everywhere" {
	for p in $programs; do
		"$p" --help=options | grep -E '^(space|home|json|null|quiet|verbose|dry-run|yes|no-input|wait|seq|format-version|color|progress|config|help|version)	' >"table.$p"
		same 17 "$(wc -l <"table.$p")"
		cmp table.engram-store "table.$p"
	done
}

@test "the name in messages is the program's, whatever argv[0] says" {
	for p in $programs; do
		run --separate-stderr bash -c 'exec -a other "$(command -v "$1")" --jsn' _ "$p"
		same 2 "$status"
		says "$p: "
	done
}

@test "B13: an unknown option names the nearest" {
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

@test "B13: missing, superfluous and doubled values" {
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

@test "B14: numbers out of range, negative, nan, with junk, in hex" {
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

@test "an option that says nothing in a mode is refused, not dropped" {
	exits 2 engram-store --export --tag=a
	says "--tag: does not go with --export"
	exits 2 engram-store --now text
	says "--now: goes with --forget only"
}

@test "a wrong variable is a configuration error" {
	ENGRAM_WAIT=soon exits 78 engram-recall x
	says "ENGRAM_WAIT: wanted"
	ENGRAM_HMOE=x exits 66 engram-recall -v x
	says "ENGRAM_HMOE is set but means nothing here"
}

@test "without operands: two lines of usage that mention -, exit 2" {
	exits 2 engram-store
	same "" "$output"
	same 2 "$(echo "$stderr" | grep -cE 'engram-store (\[|--get)')"
	says " -"
	exits 2 engram-consolidate work
	says "takes no operands"
	says "--space"
}

@test "stdin is read only for -" {
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

@test "options may follow operands, -- ends them, text may begin with -" {
	id=$(engram-store "first text" --tag=a)
	exits 0 engram-recall "first text" -k 1 --json
	prints '"tags":["a"]'
	exits 0 engram-store -- --not-an-option
	exits 0 engram-store --get "$output"
	prints "--not-an-option"
	[ ${#id} = 26 ]
}

@test "errors: one line, with the object and the way out; with --json an object" {
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

@test "F29: a full standard output is 74 with a message, in every way to print" {
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

@test "F29: a closed standard output is 74, and no file of the store is taken for it" {
	engram-store one >/dev/null
	run --separate-stderr bash -c 'engram-store two >&-'
	same 74 "$status"
	run --separate-stderr bash -c 'engram-recall one >&- 2>&- <&-'
	same 74 "$status"
	exits 0 engram-consolidate --check
	exits 0 engram-recall two
}

@test "F29: a reader that goes away ends the program silently, at every point" {
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

@test "a captured stream has no colour and no progress" {
	memories 50
	for c in "engram-recall memory" "engram-store --export" "engram-consolidate --rebuild"; do
		# shellcheck disable=SC2086
		TERM=xterm exits 0 $c
		[[ $output$stderr != *$'\e'* ]]
		[[ $output$stderr != *$'\r'* ]]
	done
}

on_terminal() { TERM=xterm COLUMNS=$1 script -qec "$2" /dev/null; }

@test "a terminal: aligned, cut to the width, coloured unless NO_COLOR" {
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

@test "the same fields in the same order, on a terminal and not" {
	command -v script >/dev/null || skip "no script(1)"
	engram-store "alpha beta"
	found=$(NO_COLOR=1 on_terminal 120 'engram-recall alpha' | tr -d '\r')
	# shellcheck disable=SC2046
	set -- $(engram-recall alpha | tr '\t' '\n' | sed -n '2p;4p')
	[[ $found =~ ^[01]\.[0-9][0-9]\ +${1:0:8}\ +just\ now\ +$2\ +alpha\ beta$ ]]
}

@test "SIGINT and SIGTERM: what was printed is durable, then 130 and 143" {
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

@test "two runs over the same store print the same bytes" {
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

@test "modes of files and directories: 0600 and 0700" {
	(umask 000 && engram-store one && engram-consolidate --rebuild) >/dev/null
	same "" "$(find "$ENGRAM_HOME" -type f ! -perm 600)"
	same "" "$(find "$ENGRAM_HOME" -type d ! -perm 700)"
}

@test "no program reaches for a network" {
	needs_root
	unshare -n true 2>/dev/null || skip "no network namespaces"
	exits 0 unshare -n engram-store one
	exits 0 unshare -n engram-recall one
}
