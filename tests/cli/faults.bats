# Faults, by the ids of the table in tests/README.md: kills, full disks, closed
# doors, exhausted limits.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

teardown()
{
	[ -z "${mounted-}" ] || umount -l "$mounted"
	close_dir
}

# small_disk SIZE: a file system of its own at $mounted, the home on it.
small_disk()
{
	needs_root
	mkdir disk
	mount -t tmpfs -o "size=$1" tmpfs disk 2>/dev/null || skip "cannot mount"
	mounted=$PWD/disk
	ENGRAM_HOME=$mounted/home
}

@test "F01: 50 writers of 20 puts, one killed at random: nothing acknowledged is lost" {
	engram-store --create >/dev/null
	cat >writer <<-'END'
	for i in $(seq 20); do
		engram-store "writer $1 put $i" >>"ids.$1" || exit
	done
	END
	for w in $(seq 50); do
		bash writer "$w" &
		pids[w]=$!
	done
	# Programs of five writers are killed in the middle of things.
	for w in 3 13 23 33 43; do
		sleep "0.0$((RANDOM % 9 + 1))"
		pkill -9 -P "${pids[w]}" 2>/dev/null || true
	done
	failed=0
	for w in $(seq 50); do
		wait "${pids[w]}" || failed=$((failed + 1))
	done
	echo "writers ended by a kill: $failed"
	[ "$failed" -le 5 ]
	cat ids.* >acknowledged
	[ "$(wc -l <acknowledged)" -ge 900 ]
	engram-store --get - <acknowledged >found
	same "$(wc -l <acknowledged)" "$(wc -l <found)"
	for w in $(seq 50); do
		[ "$(wc -l <"ids.$w")" = 20 ] || [ "$failed" -gt 0 ]
	done
	exits 0 engram-consolidate --check
}

@test "F01: a writer of lines killed at random: every printed id is there" {
	for round in $(seq 8); do
		seq -f "round $round line %g of many" 20000 | engram-store - >"ids.$round" &
		sleep "0.$((RANDOM % 20 + 5))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		# The last line may be cut by the kill.
		head -c "$(($(wc -c <"ids.$round") / 27 * 27))" "ids.$round" >whole
		[ -s whole ] || continue
		exits 0 engram-store --get - <whole
		same "$(wc -l <whole)" "${#lines[@]}"
	done
	exits 0 engram-consolidate --check
}

@test "F03: readers killed with -9 do not bloat the state" {
	memories 500
	engram-consolidate
	for _ in $(seq 20); do
		engram-recall --batch - < <(seq 100000) >/dev/null &
		sleep 0.02
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
	done
	before=$(du -k "$ENGRAM_HOME"/spaces/default/state.*.mdb | cut -f 1)
	for i in $(seq 15); do
		seq -f "round $i %g" 20 | engram-store - >/dev/null
		engram-consolidate
	done
	after=$(du -k "$ENGRAM_HOME"/spaces/default/state.*.mdb | cut -f 1)
	echo "state: $before KiB, then $after KiB"
	[ "$after" -le $((2 * before + 4096)) ]
}

@test "F05: a space is there whole or not at all" {
	for round in $(seq 15); do
		engram-store --space="s$round" --create text >/dev/null 2>&1 &
		sleep "0.00$((RANDOM % 9))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		run --separate-stderr engram-recall --space="s$round"
		[ "$status" = 0 ] || [ "$status" = 1 ] || [ "$status" = 66 ] || { show; return 1; }
		exits 0 engram-store --space="s$round" --create more
		exits 0 engram-consolidate --space="s$round" --check
	done
}

@test "F08: a full disk in the middle of an import; room; again: as if undisturbed" {
	seq -f '{"text":"a memory, number %g, of which there are many on this small disk"}' 30000 >in
	engram-store --space=whole --create --import=ndjson in >/dev/null
	engram-store --space=whole --export | sed 1d | jq -r .text | sort >wanted
	small_disk 3m
	exits 74 engram-store --import=ndjson in
	says "No space left on device"
	same 1 "$(echo "$stderr" | wc -l)"
	# What is there is sound, and answers.
	exits 0 engram-consolidate --check --wait=1 || same 74 "$status"
	mount -o remount,size=200m "$mounted"
	exits 0 engram-store --import=ndjson in
	engram-store --export | sed 1d | jq -r .text | sort >found
	cmp wanted found
	exits 0 engram-consolidate --check
}

@test "F08: a full disk while lines are stored: every printed id is there" {
	small_disk 6m
	run --separate-stderr bash -c 'seq -f "line %g that will not fit on this disk, being one of very many" 100000 | engram-store - >ids'
	same 74 "$status"
	[ -s ids ]
	engram-store --get - <ids >found
	same "$(wc -l <ids)" "$(wc -l <found)"
}

@test "F09: a read-only directory: recall works, store fails clearly" {
	needs_root
	open_dir
	ENGRAM_HOME=$open_dir/home
	memories 300
	chmod -R a+rX,a-w "$open_dir"
	exits 0 as_nobody "$(command -v engram-recall)" "memory 7"
	prints "memory 7"
	exits 77 as_nobody "$(command -v engram-store)" new
	same "" "$output"
	[ -n "$stderr" ]
}

@test "F09: a home that cannot be made" {
	needs_root
	open_dir
	ENGRAM_HOME=$open_dir/no/home
	run --separate-stderr as_nobody "$(command -v engram-store)" new
	[ "$status" = 73 ] || [ "$status" = 77 ]
	says "$open_dir"
	ENGRAM_HOME=/dev/null/home
	run --separate-stderr engram-store new
	[ "$status" -ge 65 ]
}

@test "F09: a read-only mount" {
	small_disk 40m
	memories 300
	engram-consolidate
	engram-store "not yet applied"
	mount -o remount,ro "$mounted" || skip "cannot remount"
	exits 0 engram-recall "memory 7"
	prints "memory 7"
	exits 0 engram-recall "not yet applied"
	exits 0 engram-store --export
	exits 0 engram-store --list-spaces
	run --separate-stderr engram-store new
	[ "$status" = 73 ] || [ "$status" = 77 ] || { show; return 1; }
	[ -n "$stderr" ]
	mount -o remount,rw "$mounted"
	exits 0 engram-store new
}

@test "F08: the limit of a file's size is a full disk: told, nothing half" {
	needs_plain_build
	memories 200
	seq -f '{"text":"a memory, number %g, of which there are too many for this limit"}' 20000 >in
	# 1,024 blocks of 1,024 bytes; the signal at its default, as in a shell.
	exits 74 bash -c 'trap - XFSZ; ulimit -f 1024; exec engram-store --import=ndjson in'
	says "File too large"
	same 1 "$(echo "$stderr" | wc -l)"
	exits 0 engram-consolidate --check || same 1 "$status"
	exits 0 engram-store --import=ndjson in
	exits 0 engram-consolidate --check
	same 20200 "$(engram-store --export | grep -c '"memory"')"
}

@test "F09: a home that was named and is not there" {
	for c in "engram-store --list-spaces" "engram-consolidate --all-spaces" engram-recall; do
		# shellcheck disable=SC2086
		exits 66 $c --home=nope
	done
	exits 66 engram-store --home=nope --list-spaces
	says "nope"
	# That of the environment appears with the first memory.
	exits 0 engram-store --list-spaces
	same "" "$output"
}

@test "F09: a state that may not be read: recall reads the log, a check says so" {
	needs_root
	open_dir
	ENGRAM_HOME=$open_dir/home
	memories 300
	engram-consolidate
	chmod -R a+rX "$open_dir"
	chmod 600 "$ENGRAM_HOME"/spaces/default/state.*.mdb
	exits 0 as_nobody "$(command -v engram-recall)" "memory 7"
	prints "memory 7"
	exits 77 as_nobody "$(command -v engram-consolidate)" --check
	says "state."
}

@test "F10: CURRENT is a directory: recall reads the log, who would replace it says so" {
	memories 300
	engram-consolidate
	current=$ENGRAM_HOME/spaces/default/CURRENT
	rm "$current"
	mkdir "$current"
	exits 0 engram-recall "memory 7"
	exits 0 engram-store more
	exits 1 engram-consolidate --check
	says "CURRENT: wanted a file"
	for task in "" --rebuild --compact; do
		# shellcheck disable=SC2086
		exits 73 engram-consolidate $task
		says "CURRENT: wanted a file to replace, found a directory"
	done
	rmdir "$current"
	exits 0 engram-consolidate
	exits 0 engram-consolidate --check
}

@test "F10: stray files in the space are ignored; a future version is refused by name" {
	memories 20
	dir=$ENGRAM_HOME/spaces/default
	touch "$dir/space~" "$dir/.space.swp" "$dir/log/#x#" "$dir/state.9999.mdb.tmp-1" "$dir/README" "$ENGRAM_HOME/spaces/.DS_Store"
	for series in "$dir"/log/*/; do touch "$series/junk" "$series/0000000000000001.wal~"; done
	exits 0 engram-recall memory
	exits 0 engram-store more
	exits 0 engram-consolidate
	exits 0 engram-consolidate --check
	exits 0 engram-store --list-spaces
	same default "$(echo "$output" | cut -f 1)"
	sed -i '1s/.*/engram-space 99/' "$dir/space"
	for c in "engram-recall memory" "engram-store x" "engram-consolidate"; do
		# shellcheck disable=SC2086
		exits 76 $c
		says "space"
	done
}

@test "F10: an unknown feature is obeyed: refuse, read-only, ignore" {
	memories 3
	file=$ENGRAM_HOME/spaces/default/space
	cp "$file" kept
	echo "feature zz-novelty ignore" >>"$file"
	exits 0 engram-store x
	{ cat kept; echo "feature zz-novelty read-only"; } >"$file"
	exits 0 engram-recall memory
	exits 76 engram-store y
	{ cat kept; echo "feature zz-novelty refuse"; } >"$file"
	exits 76 engram-recall memory
	says "zz-novelty"
}

@test "F13: consolidations that meet: one result, the late ones wait or say who" {
	memories 2000
	for _ in $(seq 6); do engram-consolidate --rebuild >/dev/null & done
	wait
	exits 0 engram-consolidate --check
	exits 0 engram-recall "memory 7"
}

@test "F39: no descriptors left" {
	needs_plain_build
	memories 50
	# Below 6 the loader itself finds no libraries.
	for n in 6 7 8 10 12; do
		run --separate-stderr bash -c "ulimit -n $n; exec engram-recall memory"
		[ "$status" = 0 ] || [ "$status" = 75 ] || { show; return 1; }
		run --separate-stderr bash -c "ulimit -n $n; exec engram-store 'under limit $n'"
		[ "$status" = 0 ] || [ "$status" = 75 ] || { show; return 1; }
	done
	exits 0 engram-consolidate --check
}

@test "F39: no processes left" {
	needs_root
	needs_plain_build
	open_dir
	ENGRAM_HOME=$open_dir/home
	chmod 777 "$open_dir"
	exits 0 as_nobody bash -c "ulimit -u 1; exec $(command -v engram-store) one"
	exits 0 as_nobody bash -c "ulimit -u 1; exec $(command -v engram-recall) one"
	exits 0 as_nobody bash -c "ulimit -u 1; exec $(command -v engram-consolidate) --rebuild"
}

@test "F39: a stack of 256 KiB" {
	needs_plain_build
	printf '%s\n' "$(head -c 1000000 /dev/zero | tr '\0' 'a')" >in
	for c in "engram-store - <in" "engram-store --meta='{\"a\":[[[[]]]]}' x" "engram-recall x" \
		"engram-consolidate --rebuild" "engram-consolidate --check" "engram-store --export" \
		"engram-recall --mode=text aaa x"; do
		run --separate-stderr bash -c "ulimit -s 256; $c"
		[ "$status" -lt 2 ] || { show "$c"; return 1; }
	done
}

@test "F14: a space held by a stopped program: --wait=0 is 75 at once and names it" {
	memories 20000
	engram-consolidate --rebuild >/dev/null &
	holder=$!
	# It holds the lock from early on; stopped before its end.
	sleep 0.1
	kill -STOP $holder || skip "it was too quick"
	begin=$(date +%s)
	run --separate-stderr engram-consolidate --wait=0 --rebuild
	kill -CONT $holder
	same 75 "$status"
	says "$holder"
	[ $(($(date +%s) - begin)) -lt 5 ]
	# Those who store and recall do not wait for it.
	wait $holder
	exits 0 engram-consolidate --check
}

# rsync --inplace and some backup tools write old bytes into the files that are
# there: neither inode nor mark then tells of it.  Here the state comes from
# another day than the log, which meanwhile has more frames, but other ones.
@test "F25: a log restored in place does not mix with a state of its other future" {
	memories 200
	engram-consolidate
	mkdir saved
	(cd home/spaces/default/log && find . -type f) >files
	while read -r file; do
		mkdir -p "saved/$(dirname "$file")"
		cp "home/spaces/default/log/$file" "saved/$file"
	done <files
	engram-store - < <(seq -f 'lost %g' 50) >/dev/null
	engram-consolidate
	mkdir future
	mv home/spaces/default/{CURRENT,state.*,text.*} future
	while read -r file; do
		cat "saved/$file" >"home/spaces/default/log/$file"
	done <files
	engram-store - < <(seq -f 'regained %g' 100) >/dev/null
	rm -f home/spaces/default/{CURRENT,state.*,text.*}
	mv future/* home/spaces/default
	same 300 "$(engram-store --export | grep -c '"memory"')"
	exits 1 engram-recall --json lost
	exits 0 engram-consolidate
	exits 0 engram-consolidate --check
	same 300 "$(engram-store --export | grep -c '"memory"')"
}

# flip FILE OFFSET: one byte becomes another.
flip()
{
	printf '\xa5' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "F11: a damaged frame: --export --salvage gives out all else, names what is lost" {
	memories 500
	engram-store --revise "$(engram-store --key=k "before the damage")" "after it" >/dev/null
	exits 0 engram-store --export
	printf '%s\n' "$output" >whole
	# Without damage it is the export.
	exits 0 engram-store --export --salvage
	same "$(cat whole)" "$output"
	same "" "$stderr"
	segment=$(echo home/spaces/default/log/*/*.wal)
	at=$(grep -abo 'memory 250' "$segment" | head -n 1 | cut -d : -f 1)
	flip "$segment" "$at"
	for _ in "with derived files" "without them"; do
		exits 70 engram-consolidate --check
		exits 70 engram-store --export
		exits 3 engram-store --export --salvage
		says ": frames 251 to 251 are lost in bytes "
		same 1 "$(echo "$stderr" | wc -l)"
		printf '%s\n' "$output" >saved
		same "$(grep -v '"memory 250"' whole)" "$(cat saved)"
		rm -rf home/spaces/default/{CURRENT,state.*,text.*}
	done
	# The way back: a space of its own, with the same ids.
	exits 0 engram-store --space=mended --create --import=ndjson --preserve --adopt saved
	exits 0 engram-store --space=mended --export
	same "$(cat saved)" "$output"
	exits 0 engram-consolidate --space=mended --check
}

@test "F11: any byte of the log damaged: salvage gives out all but what it hit" {
	seq -f '{"text":"memory number %g","tags":["t"]}' 40 | engram-store --import=ndjson - >/dev/null
	segment=$(echo home/spaces/default/log/*/*.wal)
	size=$(grep -abo 'memory number 40' "$segment" | cut -d : -f 1)
	cp "$segment" sound
	for at in 0 17 100 4095 $(seq 4096 97 "$size"); do
		cp sound "$segment"
		flip "$segment" "$at"
		run --separate-stderr engram-store --export --salvage
		[ "$status" = 3 ] || [ "$status" = 0 ] || { show "$at"; return 1; }
		n=$(printf '%s\n' "$output" | grep -c '"memory"')
		[ "$n" -ge 39 ] || { show "$at"; return 1; }
		[ "$n" = 40 ] || [ "$status" = 3 ] || { show "$at"; return 1; }
		[ "$status" = 0 ] || [ -n "$stderr" ]
	done
	# A hole of several sectors, and the file cut off.
	cp sound "$segment"
	dd if=/dev/zero of="$segment" bs=512 seek=10 count=4 conv=notrunc status=none
	exits 3 engram-store --export --salvage
	says " are lost in bytes "
	[ "$(printf '%s\n' "$output" | grep -c '"memory"')" -ge 20 ]
	cp sound "$segment"
	truncate -s 7000 "$segment"
	exits 3 engram-store --export --salvage
	says " to 41 are lost in bytes "
	rm "$segment"
	exits 3 engram-store --export --salvage
	says ": frames 1 to 41 are not there"
}
