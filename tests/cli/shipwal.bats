# Two stores of a space, brought together by every way but ssh; cut, killed, slow,
# hostile.  What passes between them is tested byte by byte in tests/unit/test_sync*.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# Two stores of one space, each with memories that the other lacks.
two_stores()
{
	engram-store --home=a "in both" >/dev/null
	exits 0 engram-shipwal --home=a sync local:b
	seq -f 'first %g' "${1:-20}" | engram-store --home=a - >/dev/null
	seq -f 'second %g' "${1:-20}" | engram-store --home=b - >/dev/null
}

@test "sync with a local home and with a command: equal exports and digests" {
	two_stores
	exits 0 engram-shipwal --home=a sync --json local:b
	same "20 21 true true false" "$(echo "$output" | jq -r '"\(.frames_sent) \(.frames_received) \(.compared) \(.equal) \(.adopted)"')"
	equal a b
	engram-store --home=b "later" >/dev/null
	id=$(engram-store --home=a "not for long")
	exits 0 engram-shipwal --home=a sync -v "cmd:engram-shipwal serve --home=b"
	says "sent 1 and received 1 frames"
	says "both are equal now"
	engram-store --home=b --yes --forget "$id"
	exits 0 engram-shipwal --home=a pull "cmd:engram-shipwal serve --home=b --no-take"
	exits 66 engram-store --home=a --get "$id"
	equal a b
	exits 0 engram-consolidate --home=a --check
	exits 0 engram-consolidate --home=b --check
}

@test "pull takes, push gives; what there is to do is said by --dry-run" {
	two_stores 5
	tree a >before
	exits 0 engram-shipwal --home=a sync -nv local:b
	says "would send 5 and receive 6 frames"
	exits 0 engram-shipwal --home=a sync -nv "cmd:engram-shipwal serve --home=b"
	says "would send 5 and receive 6 frames"
	tree a >after
	cmp before after
	exits 0 engram-shipwal --home=a pull -v local:b
	says "received 6 frames"
	same 6 "$(engram-store --home=b --list-spaces | cut -f 2)"
	exits 0 engram-shipwal --home=a push -v local:b
	says "sent 5 frames"
	equal a b
}

@test "send and receive: whole, behind a position, files one behind the other, again" {
	engram-store --home=a one two >/dev/null
	engram-shipwal --home=a send >whole
	at=$(engram-shipwal --home=a position)
	engram-store --home=a three >/dev/null
	engram-shipwal --home=a send --after="$at" >rest
	[ "$(wc -c <rest)" -lt "$(wc -c <whole)" ]
	cat whole rest | exits 0 engram-shipwal --home=b receive --json
	equal a b
	exits 0 engram-shipwal --home=b receive <whole
	exits 65 engram-shipwal --home=c receive <rest
	equal a b
	same "$(engram-shipwal --home=a position)" "$(engram-shipwal --home=b position)"
	engram-shipwal --home=b send | cmp - <(engram-shipwal --home=a send)
	exits 2 engram-shipwal --home=a send --after=nonsense
	says "--after: position: entry 1: wanted SERIES:SEQ:CHECK"
}

@test "F29: a file cut at every byte: refused, what came whole is kept, the whole mends it" {
	engram-store --home=a one two three >/dev/null
	engram-shipwal --home=a send >whole
	size=$(wc -c <whole)
	for ((at = 0; at < size; at++)); do
		((at % 100)) || rm -rf b
		code=0
		head -c $at whole | engram-shipwal --home=b receive --quiet 2>said || code=$?
		[ $code = 65 ] || { echo "cut at $at: $code"; cat said; return 1; }
		same 1 "$(wc -l <said)"
	done
	exits 0 engram-shipwal --home=b receive <whole
	equal a b
}

@test "F29: 1,000 random cuts of a larger file; the store is sound and equal at the end" {
	seq -f 'memory number %g, long enough to fill a frame' 500 | engram-store --home=a - >/dev/null
	engram-shipwal --home=a send >whole
	size=$(wc -c <whole)
	RANDOM=${SEED:=$RANDOM}
	echo "seed $SEED"
	for cut in $(seq 1000); do
		((cut % 50)) || rm -rf b
		head -c $(((RANDOM * 32768 + RANDOM) % size)) whole | engram-shipwal --home=b receive 2>/dev/null && return 1
	done
	exits 0 engram-shipwal --home=b verify
	exits 0 engram-shipwal --home=b receive <whole
	equal a b
}

# head must hand on at once what it has: both ends wait for each other.
@test "F29: a session cut at random in either direction is gone on with" {
	two_stores 200
	RANDOM=${SEED:=$RANDOM}
	echo "seed $SEED"
	# The shell that waits for both ends of a pipeline keeps it open, so that a peer with
	# nothing more to say may never hear that the other end is gone: hence --timeout.
	for cut in $(seq 40); do
		at=$((RANDOM % 70000))
		if ((cut % 2)); then
			engram-shipwal --home=a sync --timeout=1 "cmd:engram-shipwal serve --home=b | stdbuf -o0 head -c $at" 2>/dev/null || true
		else
			engram-shipwal --home=a sync --timeout=1 "cmd:stdbuf -o0 head -c $at | engram-shipwal serve --home=b" 2>/dev/null || true
		fi
	done
	exits 0 engram-shipwal --home=a sync local:b
	equal a b
}

@test "position tells what waits and what was retired" {
	clock() { faketime -f "$1" "${@:2}"; }
	command -v faketime >/dev/null || skip "needs faketime"
	engram-store --home=a --quiet one >/dev/null
	engram-shipwal --home=a sync --create --quiet local:b
	clock +1h engram-store --home=b --quiet "an hour ahead" >/dev/null
	engram-shipwal --home=b push --quiet local:a
	engram-shipwal --home=a position --json >said
	same "clock 1 2" "$(jq -r '"\(.waiting[0].for) \(.waiting[0].seq) \(.held)"' said)"
	contains "$(engram-shipwal --home=a position --verbose)" ": until "
	series=$(engram-shipwal --home=a cat | jq -r 'select(.kind == "memory").series' | head -n 1)
	exits 0 engram-shipwal --home=a retire "${series:0:8}"
	same "$series" "$(engram-shipwal --home=a position --json | jq -r '.retired[]')"
	contains "$(engram-shipwal --home=a position --verbose)" "retired	$series"
	engram-shipwal --home=b sync --quiet local:a
	same "$series" "$(engram-shipwal --home=b position --json | jq -r '.retired[]')"
}

# b forgets what a wrote, and removes its bytes; d has b's copy of a's log alone, as
# after a session that was cut before b's own log came.
@test "a forget that was lost with the only store that had it" {
	id=$(engram-store --home=a --quiet "soon forgotten")
	engram-shipwal --home=a sync --create --quiet local:b
	engram-store --home=a --quiet "and behind it" >/dev/null
	engram-shipwal --home=a push --quiet local:b
	engram-store --home=b --forget --now --yes --quiet "$id"
	of_b=$(engram-shipwal --home=b cat | jq -r 'select(.kind == "forget").series')
	cp -a b d
	rm -rf d/spaces/default/log/"$of_b" d/spaces/default/{CURRENT,state*,text*}
	rm -rf a b
	exits 0 engram-shipwal --home=c pull --create --quiet local:d
	same "" "$(engram-recall --home=c behind 2>/dev/null)"
	same "forget $id 2" "$(engram-shipwal --home=c position --json | jq -r '"\(.waiting[0].for) \(.waiting[0].id) \(.held)"')"
	contains "$(engram-shipwal --home=c position --verbose)" "for a forget of $id"
	exits 0 engram-store --home=c --forget --yes "$id"
	same "and behind it" "$(engram-recall --home=c behind | cut -f 5)"
	same null "$(engram-shipwal --home=c position --json | jq .waiting)"
	exits 0 engram-consolidate --home=c --check
}

@test "killed at random, either side, and run again" {
	two_stores 300
	RANDOM=${SEED:=$RANDOM}
	echo "seed $SEED"
	for round in $(seq 15); do
		engram-store --home=a "a $round" >/dev/null
		engram-store --home=b "b $round" >/dev/null
		engram-shipwal --home=a sync "cmd:exec engram-shipwal serve --home=b" 2>/dev/null 3>&- &
		pid=$!
		sleep "0.0$((RANDOM % 10))"
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	exits 0 engram-shipwal --home=a --wait=20 sync local:b
	equal a b
	exits 0 engram-consolidate --home=a --check
	exits 0 engram-consolidate --home=b --check
}

@test "overlapping runs do no harm" {
	two_stores 300
	for run in $(seq 5); do
		engram-shipwal --home=a --wait=60 sync "cmd:engram-shipwal serve --home=b --wait=60" >"out.$run" 2>&1 3>&- &
	done
	wait
	exits 0 engram-shipwal --home=a sync local:b
	equal a b
}

@test "F29: send to a reader that goes away, to a full disk, to a terminal" {
	seq 100000 | engram-store --home=a - >/dev/null
	run --separate-stderr bash -c 'set -o pipefail; engram-shipwal --home=a send | head -c 1000 >/dev/null'
	same "141 " "$status $stderr"
	[ ! -c /dev/full ] || exits 74 bash -c 'engram-shipwal --home=a send >/dev/full'
	command -v script >/dev/null || skip "no script(1)"
	run script -qec "engram-shipwal --home=a send" /dev/null
	prints "standard output is a terminal"
	run script -qec "engram-shipwal --home=a receive" /dev/null
	prints "standard input is a terminal"
}

@test "F30 B58: what a login shell prints before the session is passed over" {
	two_stores 5
	exits 0 engram-shipwal --home=a sync "cmd:echo 'Welcome to host'; engram-shipwal serve --home=b"
	equal a b
	exits 65 engram-shipwal --home=a sync "cmd:seq 100000"
	[ "$(echo "$stderr" | wc -l)" -le 2 ]
}

@test "peers that cannot be run, end, are killed, are silent: 69 with the command and how" {
	engram-store --home=a one >/dev/null
	exits 69 engram-shipwal --home=a sync cmd:no-such-program
	says "peer no-such-program: cannot be run (exit status 127)"
	exits 69 engram-shipwal --home=a sync "cmd:exit 3"
	says "peer exit 3: ended with exit status 3"
	exits 69 engram-shipwal --home=a sync 'cmd:kill -9 $$'
	says "ended by signal 9"
	exits 69 engram-shipwal --home=a sync cmd:true
	says "ended before the session was done"
	exits 69 engram-shipwal --home=a --timeout=0.3 sync "cmd:exec sleep 60"
	says "nothing came or went for 0.3 s"
	exits 69 engram-shipwal --home=a sync "cmd:engram-shipwal serve --home=b --space=none"
	says 'space "none": does not exist'
	says "ended with exit status 66"
}

@test "a peer at 1 KiB a second is waited for" {
	command -v python3 >/dev/null || skip "no python3"
	two_stores 10
	cat >slow.py <<-'END'
	import os, time
	while True:
	    b = os.read(0, 256)
	    if not b: break
	    os.write(1, b)
	    time.sleep(len(b) / 1024)
	END
	exits 0 engram-shipwal --home=a --timeout=3 sync "cmd:engram-shipwal serve --home=b | python3 slow.py"
	equal a b
}

@test "two spaces with memories do not mix; neither is changed" {
	engram-store --home=a one >/dev/null
	engram-store --home=b two >/dev/null
	tree b >before
	for peer in local:b "cmd:engram-shipwal serve --home=b"; do
		exits 65 engram-shipwal --home=a sync "$peer"
		says "$(engram-store --home=a --export | head -n 1 | jq -r .id)"
		says "$(engram-store --home=b --export | head -n 1 | jq -r .id)"
	done
	same 1 "$(engram-store --home=a --list-spaces | cut -f 2)"
	same 1 "$(engram-store --home=b --list-spaces | cut -f 2)"
}

@test "F41: a space dropped and made again under its name does not get its old memories" {
	two_stores 5
	exits 0 engram-shipwal --home=a sync local:b
	engram-store --home=a --yes --drop-space default
	engram-store --home=a "a new life" >/dev/null
	exits 65 engram-shipwal --home=a sync local:b
	exits 65 engram-shipwal --home=b push local:a
	same 1 "$(engram-store --home=a --list-spaces | cut -f 2)"
}

@test "rights: who may not give gives nothing, who may not take takes nothing" {
	two_stores 5
	exits 0 engram-shipwal --home=a sync "cmd:engram-shipwal serve --home=b --no-give"
	same 6 "$(engram-store --home=a --list-spaces | cut -f 2)"
	same 11 "$(engram-store --home=b --list-spaces | cut -f 2)"
	engram-store --home=a more >/dev/null
	exits 0 engram-shipwal --home=a sync "cmd:engram-shipwal serve --home=b --no-take"
	same 12 "$(engram-store --home=a --list-spaces | cut -f 2)"
	same 11 "$(engram-store --home=b --list-spaces | cut -f 2)"
}

@test "default is made by the first session, another space by --create only" {
	engram-store --home=a --space=work --create one >/dev/null
	exits 66 engram-shipwal --home=a --space=work push local:b
	exits 66 engram-shipwal --home=b --space=work pull local:a
	exits 0 engram-shipwal --home=b --space=work --create pull local:a
	exits 0 engram-shipwal --home=a --space=work --create --peer-space=team push local:c
	same one "$(engram-recall --home=c --space=team one | cut -f 5)"
	engram-shipwal --home=a --space=work send | exits 0 engram-shipwal --home=d receive
	same one "$(engram-recall --home=d one | cut -f 5)"
}

@test "B44-B59: bad streams are refused by place, and nothing of them is stored" {
	engram-store --home=a one two three >/dev/null
	engram-shipwal --home=a send >whole
	size=$(wc -c <whole)
	RANDOM=${SEED:=$RANDOM}
	echo "seed $SEED"
	for _ in $(seq 150); do
		at=$((RANDOM % size))
		cp whole bad
		printf '%b' "\\x$(printf %02x $((RANDOM % 256)))" | dd of=bad bs=1 seek=$at conv=notrunc 2>/dev/null
		cmp -s whole bad && continue
		rm -rf b
		code=0
		engram-shipwal --home=b receive <bad 2>said || code=$?
		[ $code = 65 ] || [ $code = 76 ] || { echo "byte $at: $code"; cat said; return 1; }
		[ ! -d b/spaces/default ] || engram-shipwal --home=b verify >/dev/null
	done
	for bad in /dev/null whole.not; do
		head -c 3000 /dev/urandom >whole.not
		exits 65 engram-shipwal --home=c receive <$bad
	done
	yes | head -c 200000 | exits 65 engram-shipwal --home=c receive
}

@test "B59: frames of another space" {
	engram-store --home=a one >/dev/null
	engram-store --home=b two >/dev/null
	engram-shipwal --home=a send >whole
	exits 65 engram-shipwal --home=b receive <whole
	same 1 "$(engram-store --home=b --list-spaces | cut -f 2)"
}

@test "verify names damage; cat shows what lies behind a position, of a series, and stubs" {
	engram-store --home=a one two >/dev/null
	at=$(engram-shipwal --home=a position)
	id=$(engram-store --home=a "a secret")
	same "a secret" "$(engram-shipwal --home=a cat --after="$at" | jq -r '.elements[] | .text // empty')"
	same 4 "$(engram-shipwal --home=a cat --series="${at:0:6}" | wc -l)"
	same 0 "$(engram-shipwal --home=a cat --series=ffffff | wc -l)"
	exits 2 engram-shipwal --home=a cat --series=xyz
	engram-store --home=a --yes --forget --now "$id"
	same "memory 5" "$(engram-shipwal --home=a cat | jq -r 'select(.killer) | "\(.kind) \(.killer.seq)"')"
	exits 0 engram-shipwal --home=a verify --json
	same 5 "$(echo "$output" | jq .frames)"
	segment=$(find a -name '*.wal' | sort | head -n 1)
	printf x | dd of="$segment" bs=1 seek=4200 conv=notrunc 2>/dev/null
	exits 70 engram-shipwal --home=a verify
	says ".wal"
	exits 70 engram-shipwal --home=a cat
}

@test "a copy of a home is a store of its own: nothing is lost, all become equal" {
	engram-store --home=a one >/dev/null
	cp -a a c
	engram-store --home=c "in the copy" >/dev/null
	engram-store --home=a "in the first" >/dev/null
	exits 0 engram-shipwal --home=a sync local:b
	exits 0 engram-shipwal --home=c sync local:b
	exits 0 engram-shipwal --home=a sync local:c
	equal a b
	equal a c
	same 3 "$(engram-store --home=b --list-spaces | cut -f 2)"
	exits 66 engram-shipwal --home=a retire ffff
	exits 0 engram-shipwal --home=a retire -v "$(engram-shipwal --home=a position | cut -c 1-8)"
	says "retired"
}

@test "verbs: unknown, missing, too much; options that do not go with them" {
	exits 2 engram-shipwal snyc local:b
	says 'unknown verb "snyc" (did you mean sync?)'
	exits 2 engram-shipwal
	exits 2 engram-shipwal sync
	says "sync: needs a PEER"
	exits 2 engram-shipwal sync local:a local:b
	says 'takes one PEER, found "local:b"'
	exits 2 engram-shipwal verify x
	says 'takes no operands'
	exits 2 engram-shipwal verify --after=0
	says "--after: does not go with verify"
	exits 2 engram-shipwal sync --no-give local:b
	says "--no-give: goes with serve only" || says "--no-give: does not go with sync"
	same "sync pull push send receive serve position verify cat retire" \
		"$(engram-shipwal --help=verbs | cut -f 1 | tr '\n' ' ' | sed 's/ $//')"
}

@test "a peer that says back what it hears is no store" {
	engram-store --home=a one >/dev/null
	exits 69 engram-shipwal --home=a sync cmd:cat
	says "coming back"
}

@test "PEER: what is none is refused, with what may have been meant" {
	# shellcheck disable=SC2088 # a tilde that no shell took for a home
	for peer in /tmp/x ./x \~/x -oProxyCommand=touch 'a b' '' : user@ '[::1' 'x;y' '$(touch owned)' local: cmd:; do
		exits 2 engram-shipwal sync -- "$peer"
		says "peer: wanted"
	done
	exits 2 engram-shipwal sync /srv/x
	says "did you mean local:/srv/x?"
	[ ! -e owned ]
}

@test "a host: how it is called, each word quoted for both shells" {
	engram-store one >/dev/null
	printf '%s\n' '#!/bin/sh' 'printf "%s\n" "$@" >called' 'exit 5' >rsh
	chmod +x rsh
	exits 69 engram-shipwal pull -e "./rsh -p 2222" --peer-space=team "ada@example.org:it's here"
	says "exit status 5"
	same "-p
2222
ada@example.org
engram-shipwal serve --no-take --home='it'\\''s here' --space='team'" "$(cat called)"
	ENGRAM_RSH=./rsh exits 69 engram-shipwal push --create --peer-program=/opt/e "[fe80::1]:~/m"
	same "fe80::1
/opt/e serve --no-give --create --home='m' --space='default'" "$(cat called)"
}

@test "a home that was not there is told, here and at the peer" {
	engram-store --home=a one >/dev/null
	exits 0 engram-shipwal --home=a push local:typo
	same "engram-shipwal: made space default in $PWD/typo" "$stderr"
	exits 0 engram-shipwal --home=other pull local:a
	same "engram-shipwal: made space default in $PWD/other" "$stderr"
	exits 0 engram-shipwal --home=a push --create local:meant
	same "" "$stderr"
	exits 0 engram-shipwal --home=a push local:typo
	same "" "$stderr"
	exits 0 engram-shipwal --home=a push --quiet local:quiet
	same "" "$stderr"
}

@test "frames of a clock that is ahead: consolidate tells that they wait" {
	ENGRAM_NOW=2030-01-01T00:00:00Z engram-store --home=a early >/dev/null
	exits 0 env ENGRAM_NOW=2029-01-01T00:00:00Z engram-shipwal --home=a push --quiet local:b
	exits 0 env ENGRAM_NOW=2029-01-01T00:00:00Z engram-consolidate --home=b
	says "2 frames of log "
	says "wait until 2029-12-31T23:59:00Z"
	exits 0 env ENGRAM_NOW=2029-01-01T00:00:00Z engram-consolidate --home=b --json
	[ "$(echo "$output" | jq .held)" -gt 0 ]
	exits 0 env ENGRAM_NOW=2030-01-01T00:00:00Z engram-consolidate --home=b --json
	same 0 "$(echo "$output" | jq .held)"
}
