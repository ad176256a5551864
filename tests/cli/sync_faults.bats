# Faults of a sync between real programs, by the ids of the table in
# tests/README.md: cut pipes, kills, stopped and slow peers, full and read-only
# disks, files that change underneath.  What must hold after each: nobody ends by
# a signal, and the same command again goes on and ends equal.
# ENGRAM_TEST_SEED runs the random ones again.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# 24,000 memories of 1 KiB in $big, made once: only read from.
setup_file()
{
	big=$BATS_FILE_TMPDIR/big
	export big
	body=$(printf '%1000s' '' | tr ' ' x)
	seq -f "%012g $body" 24000 | engram-store --home="$big" --import=lines --text-later --quiet -
}

teardown()
{
	[ -z "${stopped-}" ] || kill -CONT "$stopped" 2>/dev/null || true
	[ -z "${mounted-}" ] || umount -l "$mounted"
}

# made HOME N: a space with N memories that name the home.
made() { seq -f "$1 memory %g" "$2" | engram-store --home="$1" --create - >/dev/null; }

digest() { engram-consolidate --home="$1" --check | sed -n 's/.*digest\t//p'; }

# equal A B: state and exports, and both sound.
equal()
{
	local a b
	a=$(digest "$1") b=$(digest "$2")
	[ -n "$a" ] && same "$a" "$b" &&
		cmp <(engram-store --home="$1" --export) <(engram-store --home="$2" --export)
}

# The random numbers of a test, from a seed that is printed.
seeded()
{
	seed=${ENGRAM_TEST_SEED:-$$}
	echo "seed: $seed"
	RANDOM=$seed
}

# ended STATUS: how a program may end that was cut off.
ended() { [ "$1" = 0 ] || [ "$1" = 69 ] || { echo "status: $1"; return 1; }; }

# most PID LIMIT_KIB: its anonymous memory stays below, for as long as it runs or $3 seconds.
most()
{
	local kib most=0 until=$((SECONDS + $3))
	while [ "$SECONDS" -lt "$until" ] && kib=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null); do
		[ -n "$kib" ] || break
		[ "$kib" -le "$most" ] || most=$kib
		sleep 0.1
	done
	echo "most anonymous memory: $most KiB"
	[ "$most" -gt 0 ] && [ "$most" -le "$2" ]
}

@test "F29: the pipe is closed after byte k, either way: the next sync ends equal" {
	made a 6
	made b 6
	rm -rf b/spaces
	cp -R b empty
	local status
	for k in 0 1 2 3 7 8 15 16 17 31 40 63 64 65 90 $(seq 100 117 2000); do
		rm -rf b && cp -R empty b
		engram-store --home=b --create >/dev/null
		status=0
		engram-shipwal --home=a sync --timeout=2 "cmd:dd bs=1 count=$k status=none | engram-shipwal serve --home=b" 2>said || status=$?
		ended "$status"
		status=0
		engram-shipwal --home=a sync --timeout=2 "cmd:engram-shipwal serve --home=b | dd bs=1 count=$k status=none" 2>said || status=$?
		ended "$status"
		if [ $((k % 5)) = 0 ]; then
			exits 0 engram-shipwal --home=a sync local:b
			equal a b
		fi
	done
}

@test "F29: the reader of a stream goes away at byte k: told by the status, no message" {
	for k in 0 1 100 4096 70000 1000000; do
		run bash -c 'engram-shipwal --home="$big" send 2>said | head -c "$1" >/dev/null; echo "${PIPESTATUS[0]}"' - "$k"
		[[ $output = 74 || $output = 141 ]] || { echo "$k: $output"; false; }
		[ "$(wc -l <said)" -le 1 ]
	done
}

@test "F41: a space removed and made again under its name: the old data does not flow in" {
	made a 3
	exits 0 engram-store --home=b --create
	exits 0 engram-shipwal --home=a sync local:b
	exits 0 engram-store --home=a --drop-space --yes default
	made a 2
	exits 65 engram-shipwal --home=a sync local:b
	says "space"
	same 2 "$(engram-recall --home=a --count=9 | wc -l)"
	same 3 "$(engram-recall --home=b --count=9 | wc -l)"
}

@test "either end killed at random, again and again: the last sync ends equal" {
	seeded
	made a 2000
	exits 0 engram-store --home=b --create
	exits 0 engram-shipwal --home=a sync local:b
	for round in $(seq 8); do
		seq -f "round $round of a %g" 300 | engram-store --home=a - >/dev/null
		seq -f "round $round of b %g" 300 | engram-store --home=b - >/dev/null
		engram-shipwal --home=a sync "cmd:echo \$\$ >peer; exec engram-shipwal serve --home=b" >/dev/null 2>&1 &
		pid=$!
		sleep "0.0$((RANDOM % 90 + 10))"
		if [ $((RANDOM % 2)) = 0 ]; then
			kill -9 "$pid" 2>/dev/null || true
		else
			kill -9 "$(cat peer)" 2>/dev/null || true
		fi
		wait "$pid" || true
	done
	exits 0 engram-shipwal --home=a sync local:b
	equal a b
	same 6800 "$(engram-store --home=b --export | grep -c '"type":"memory"')"
}

@test "F14: a peer that is stopped: given up in time, status 69" {
	made a 3
	exits 0 engram-store --home=b --create
	exits 69 timeout 20 engram-shipwal --home=a sync --timeout=1 "cmd:kill -STOP \$\$; true"
	exits 0 engram-shipwal --home=a sync local:b
	equal a b
}

@test "two syncs at once into one store: all of both is there" {
	made a 2000
	exits 0 engram-store --home=b --create
	exits 0 engram-store --home=c --create
	exits 0 engram-shipwal --home=a sync local:b
	exits 0 engram-shipwal --home=a sync local:c
	seq -f 'more of a %g' 3000 | engram-store --home=a - >/dev/null
	seq -f 'more of b %g' 3000 | engram-store --home=b - >/dev/null
	engram-shipwal --home=a sync local:c >/dev/null &
	one=$!
	engram-shipwal --home=b sync local:c >/dev/null
	wait "$one"
	exits 0 engram-shipwal --home=a sync local:c
	exits 0 engram-shipwal --home=b sync local:c
	equal a c
	equal b c
	same 8000 "$(engram-store --home=c --export | grep -c '"type":"memory"')"
}

@test "the same series from two peers at once" {
	made a 4000
	exits 0 engram-store --home=b --create
	exits 0 engram-store --home=c --create
	exits 0 engram-shipwal --home=a sync local:b
	engram-shipwal --home=a push local:c >/dev/null &
	one=$!
	engram-shipwal --home=b push local:c >/dev/null
	wait "$one"
	exits 0 engram-shipwal --home=a sync local:c
	equal a c
}

# Pushes of homes $1 and $2 into the same fresh one; leaves their statuses in $first and $second.
both_push()
{
	rm -rf c
	exits 0 engram-store --home=c --create
	first=0 second=0
	engram-shipwal --home="$1" push --quiet local:c 2>said.first &
	one=$!
	engram-shipwal --home="$2" push --quiet local:c 2>said.second || second=$?
	wait "$one" || first=$?
}

@test "one space from two peers at once into an empty store: both arrive" {
	made a 200
	exits 0 engram-store --home=b --create
	exits 0 engram-shipwal --home=a sync local:b
	for round in $(seq 25); do
		both_push a b
		same "0 0" "$first $second" || { cat said.first said.second; return 1; }
	done
	equal a c
}

@test "two spaces at once into an empty store: one arrives, the other is told both ids" {
	made a 50
	made b 50
	for round in $(seq 25); do
		both_push a b
		case $first$second in
		065) won=a lost=second ;;
		650) won=b lost=first ;;
		*) cat said.first said.second; return 1 ;;
		esac
		contains "$(cat "said.$lost")" "two different spaces"
		equal "$won" c
	done
}

@test "a sync while a writer stores, forgets are purged and all is rebuilt" {
	made a 500
	made b 1
	rm -rf b
	exits 0 engram-store --home=b --create
	(for i in $(seq 40); do engram-store --home=a "written meanwhile $i"; done >ids) &
	writer=$!
	(for i in 1 2 3 4; do
		engram-store --home=a --forget --yes "$(engram-recall --home=a --count=1 "memory $i" | cut -f 2)"
		engram-consolidate --home=a --compact
	done >/dev/null) &
	purger=$!
	for round in $(seq 6); do
		exits 0 engram-shipwal --home=a sync local:b
		[ "$round" != 3 ] || exits 0 engram-consolidate --home=b --rebuild
	done
	wait "$writer"
	wait "$purger"
	exits 0 engram-shipwal --home=a sync local:b
	equal a b
	engram-store --home=b --get - <ids >found
	same 40 "$(wc -l <found)"
}

@test "F08: a full disk at the receiver: told, sound; with room the next sync goes on" {
	needs_root
	mkdir disk
	mount -t tmpfs -o size=12m tmpfs disk 2>/dev/null || skip "cannot mount"
	mounted=$PWD/disk
	exits 0 engram-store --home=disk/b --create
	run --separate-stderr engram-shipwal --home="$big" sync local:disk/b
	[ "$status" = 74 ] || { show; false; }
	says "disk"
	exits 0 engram-shipwal --home=disk/b verify
	mount -o remount,size=300m disk
	exits 0 engram-shipwal --home="$big" sync local:disk/b
	same "$(digest "$big")" "$(digest disk/b)"
}

@test "F09: a receiver on a read-only disk: told, nothing changed; it can still give" {
	needs_root
	made a 3
	exits 0 engram-store --home=disk/b --create
	exits 0 engram-shipwal --home=a sync local:disk/b
	engram-store --home=a "news" >/dev/null
	mount --bind disk disk && mounted=$PWD/disk && mount -o remount,bind,ro disk 2>/dev/null || skip "cannot mount"
	before=$(tree disk)
	run --separate-stderr engram-shipwal --home=a sync local:disk/b
	[ "$status" -ne 0 ] && [ "$status" -lt 128 ] || { show; false; }
	says "ead-only"
	exits 0 engram-store --home=c --create
	exits 0 engram-shipwal --home=c pull local:disk/b
	same 3 "$(engram-recall --home=c --count=9 | wc -l)"
	same "$before" "$(tree disk)"
}

@test "F12: a segment cut short under a running sender: an end with a message" {
	cp -R "$big" cut
	segment=$(find cut -name '*.wal' | sort | tail -n 1)
	mkfifo pipe
	engram-shipwal --home=cut send >pipe 2>said &
	sender=$!
	exec {stream}<pipe
	head -c 100000 <&"$stream" >/dev/null
	truncate -s 8192 "$segment"
	cat <&"$stream" >/dev/null
	status=0
	wait "$sender" || status=$?
	same 70 "$status"
	grep -q "wanted frames after" said
}

@test "F12: a state that is replaced under running readers: each answer is one of the two" {
	made a 400
	for round in $(seq 6); do
		engram-consolidate --home=a --rebuild >/dev/null &
		exits 0 engram-recall --home=a --count=1 "memory 77"
		prints "a memory 77"
		wait $!
	done
}

@test "a peer that takes 1 KiB a second: the sender's memory is bounded" {
	needs_plain_build
	cat >slow <<-'END'
	while kill -0 "$1" 2>/dev/null && block=$(dd bs=1024 count=1 status=none | base64 -w0) && [ -n "$block" ]; do
		printf %s "$block" | base64 -d
		sleep 1
	done | engram-shipwal serve --home=b
	END
	exits 0 engram-store --home=b --create
	engram-shipwal --home="$big" sync "cmd:bash slow \$PPID" >/dev/null 2>&1 &
	pid=$!
	most "$pid" 24576 4
	kill -9 "$pid"
	wait "$pid" || true
}

@test "24 MiB through a pipe: neither end holds more than a batch" {
	needs_plain_build
	exits 0 engram-store --home=b --create
	mkfifo pipe
	engram-shipwal --home=b receive <pipe >/dev/null &
	receiver=$!
	engram-shipwal --home="$big" send >pipe &
	sender=$!
	most "$sender" 24576 60 &
	watcher=$!
	most "$receiver" 65536 60
	wait "$watcher"
	wait "$sender"
	wait "$receiver"
	same "$(digest "$big")" "$(digest b)"
}

@test "forgetting again takes what a store that had not heard has said since" {
	made a 3
	exits 0 engram-store --home=b --create
	exits 0 engram-shipwal --home=a sync local:b
	one=$(engram-recall --home=a --count=1 "memory 1" | cut -f 2)
	two=$(engram-recall --home=a --count=1 "memory 2" | cut -f 2)
	engram-store --home=a --forget --yes "$one"
	engram-store --home=b --link "$one" "$two" --relation=cites >/dev/null
	exits 0 engram-shipwal --home=a sync local:b
	said=$(engram-shipwal --home=a cat | grep -c '"kind":"forget"')
	exits 0 engram-store --home=a --forget --yes "$one"
	same $((said + 1)) "$(engram-shipwal --home=a cat | grep -c '"kind":"forget"')"
	exits 0 engram-store --home=a --forget --yes "$one"
	same $((said + 1)) "$(engram-shipwal --home=a cat | grep -c '"kind":"forget"')"
	exits 0 engram-shipwal --home=a sync local:b
	equal a b
}
