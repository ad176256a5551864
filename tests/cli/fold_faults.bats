# The view file: what happens to it, and to folds that make it.
# Variables of bats; each test is a subshell of its own.
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

teardown()
{
	[ -z "${mounted-}" ] || umount -l "$mounted"
}

# folded N: a space of so many memories, folded; $space, $view.
folded()
{
	memories "$1"
	engram-consolidate --quiet
	space=$ENGRAM_HOME/spaces/default
	view_in_use
}

# The one view file there is.
view_in_use()
{
	set -- "$space"/view.*
	same 1 "$#" || return 1
	[ -f "$1" ] || { echo "no view file"; return 1; }
	view=$1
}

log_hash() { (cd "$space/log" && find . -type f -name '*.wal' -exec sha256sum {} + | sort | sha256sum); }

# A recall that compares with everything and answers alike before and after.
answers() { engram-recall --mode=vector -k 5 "memory 77" && engram-recall -k 5 "memory 4000"; }

# It cannot be used: recall says so and finds words, a run makes it anew.
is_made_anew()
{
	exits 0 engram-recall "memory 77"
	prints "memory 77"
	says "$view"
	exits 1 engram-consolidate --check
	says "$view"
	exits 0 engram-consolidate
	says "$view"
	view_in_use
	same "$wanted" "$(answers)"
	exits 0 engram-consolidate --check
	same "$log" "$(log_hash)"
}

@test "F10: a view file that is gone, cut, noise, or another: named, made anew, the log as it was" {
	folded 4200
	wanted=$(answers)
	log=$(log_hash)
	cp "$view" older
	seq -f 'another %g' 4200 | engram-store --space=other --create - >/dev/null
	engram-consolidate --space=other --quiet
	rm "$view"
	is_made_anew
	for size in 0 100 8192 1000001; do
		truncate -s "$size" "$view"
		is_made_anew
	done
	head -c 300000 /dev/urandom >"$view"
	is_made_anew
	# One of an earlier state of this space, sound in itself.
	engram-store "one more" >/dev/null
	engram-consolidate --quiet --index-only
	view_in_use
	log=$(log_hash)
	cp older "$view"
	is_made_anew
	cp "$ENGRAM_HOME"/spaces/other/view.* "$view"
	is_made_anew
	contains "$(engram-recall --space=other -k 1 'another 5')" "another 5"
	rm "$view"
	mkdir "$view"
	exits 0 engram-recall "memory 77"
	says "$view"
}

@test "F11: any bit of a view file flipped: no crash, the check names it, a rebuild mends it" {
	folded 4200
	wanted=$(answers)
	log=$(log_hash)
	cp "$view" sound
	size=$(stat -c %s sound)
	for round in $(seq 25); do
		at=$((RANDOM * 32768 % size + RANDOM % 4096))
		[ "$round" -gt 3 ] || at=$((size - round * 7)) # the seal
		[ "$at" -lt "$size" ] || continue
		byte=$(od -An -tu1 -j "$at" -N 1 sound)
		printf '%b' "\\x$(printf %x $((byte ^ 1 << RANDOM % 8)))" | dd of="$view" bs=1 seek="$at" conv=notrunc status=none
		run --separate-stderr engram-recall --mode=vector "memory 77"
		[ "$status" -le 1 ] || { echo "byte $at"; show; return 1; }
		run --separate-stderr engram-consolidate --check
		# What lies between the end of a value and that of its page means nothing.
		[ "$status" = 0 ] || { same 1 "$status" && says "$view"; } || { echo "byte $at"; return 1; }
		cp sound "$view"
	done
	printf 'noise' | dd of="$view" bs=1 seek=100000 conv=notrunc status=none
	exits 1 engram-consolidate --check
	exits 0 engram-consolidate --rebuild
	exits 0 engram-consolidate
	view_in_use
	same "$wanted" "$(answers)"
	same "$log" "$(log_hash)"
}

@test "F01: folds killed at any moment: the old view stays in use, the next run leaves no stray file" {
	folded 4200
	wanted=$(answers)
	for round in $(seq 12); do
		seq -f "round $round line %g" 20 | engram-store - >/dev/null
		engram-consolidate --quiet --index-only &
		sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		contains "$(engram-recall -k 1 "memory 77")" "memory 77"
		contains "$(engram-recall -k 1 "round $round line 7")" "round $round line 7"
	done
	exits 0 engram-consolidate --index-only
	view_in_use
	exits 0 engram-consolidate --check
	same 4440 "$(engram-store --export | sed 1d | wc -l)"
}

@test "SIGTERM ends a fold; the old view stays in use, and nothing is left" {
	folded 4200
	wanted=$(answers)
	seq -f 'more of it %g' 9000 | engram-store - >/dev/null
	engram-consolidate --quiet &
	sleep 0.4
	kill -TERM $!
	wait $! || true
	contains "$(engram-recall -k 1 "more of it 8000")" "more of it 8000"
	contains "$(engram-recall -k 1 "memory 77")" "memory 77"
	exits 0 engram-consolidate
	view_in_use
	exits 0 engram-consolidate --check
}

@test "F08: no room for a view file: told, the old one stays in use; room: folded" {
	needs_root
	mkdir disk
	mount -t tmpfs -o size=6500k tmpfs disk 2>/dev/null || skip "cannot mount"
	mounted=$PWD/disk
	ENGRAM_HOME=$mounted/home
	space=$ENGRAM_HOME/spaces/default
	memories 4200
	log=$(log_hash)
	run --separate-stderr engram-consolidate --quiet
	# The state fits, or not even that; the view file does not.
	same 74 "$status" || { df "$mounted"; ls -l "$space"; return 1; }
	says "No space left on device"
	same 0 "$(find "$space" -name 'view.*' | wc -l)"
	prints ""
	contains "$(engram-recall -k 1 "memory 77")" "memory 77"
	mount -o remount,size=100m "$mounted"
	exits 0 engram-consolidate --quiet
	view_in_use
	exits 0 engram-consolidate --check
	same "$log" "$(log_hash)"
}

# A disk that breaks under LMDB too, which flushes by itself.
@test "F07: a flush of a fold fails, once or from then on: 74, the old view stays in use; then folded" {
	needs_plain_build
	failsync=$top_builddir/tests/lib/.libs/failsync.so
	[ -f "$failsync" ] || skip "no loadable module"
	folded 4200
	failed=0
	for when in AT FROM; do
		for n in 1 2 3 4 5 6; do
			seq -f "$when $n line %g" 20 | engram-store - >/dev/null
			run --separate-stderr env LD_PRELOAD="$failsync" FAILSYNC_$when=$n engram-consolidate --quiet --index-only
			[ "$status" = 0 ] || {
				same 74 "$status"
				says "$space"
				says "Input/output error" || says "disk I/O error" # SQLite's words
				failed=$((failed + 1))
			}
			contains "$(engram-recall --mode=vector -k 1 "memory 77")" "memory 77"
			contains "$(engram-recall -k 1 "$when $n line 7")" "$when $n line 7"
		done
	done
	[ "$failed" -ge 6 ] || { echo "$failed runs failed"; return 1; } # the file, its directory, the state
	exits 0 engram-consolidate --index-only
	view_in_use
	exits 0 engram-consolidate --check
	same 4440 "$(engram-store --export | sed 1d | wc -l)"
}

# ENGRAM_FOLD_ROUNDS is how many folds there are (5); make check-crash-long asks for minutes.
@test "folds under writers and readers: nothing lost, no wrong answer" {
	folded 4200
	for w in 1 2 3; do
		(n=0; while [ ! -e end ]; do
			n=$((n + 1))
			seq -f "line %g of w${w}r$n" 10 | engram-store - >>"ids.$w" || exit
			sleep 0.1
		done) &
		writers[w]=$!
	done
	(while [ ! -e end ]; do engram-recall -k 1 "memory 77" >>readings || exit; done) &
	reader=$!
	for _ in $(seq "${ENGRAM_FOLD_ROUNDS:-5}"); do
		exits 0 engram-consolidate --quiet --index-only
	done
	: >end
	for w in 1 2 3; do wait "${writers[w]}"; done
	wait "$reader"
	same "memory 77" "$(cut -f 5 readings | sort -u)"
	for w in 1 2 3; do
		n=$(($(wc -l <"ids.$w") / 10))
		[ "$n" -gt 0 ]
		exits 0 engram-store --get - <"ids.$w"
		same $((10 * n)) "${#lines[@]}"
		contains "$(engram-recall -k 1 "line 10 of w${w}r$n")" "line 10 of w${w}r$n"
	done
	exits 0 engram-consolidate --index-only
	view_in_use
	exits 0 engram-consolidate --check
}

# vectors N JQ: so many memories whose vector is the expression of its number.
vectors() { jq -nc "range($1) | {text: \"vector \\(.)\", embedder: \"test/1/4/f32\", vector: ($2)}"; }

state_bytes() { cat "$ENGRAM_HOME"/spaces/default/state.*.mdb | wc -c; }

@test "the first fold gives back what an import had filled, killed at any moment or not" {
	vectors 6000 '[range(128) as $i | (. * 7919 + $i * 104729) % 1000]' | sed 's|/4/f32|/128/f32|' >in
	engram-store --import=ndjson --index-later --quiet in
	before=$(state_bytes)
	export=$(engram-store --export | sha256sum)
	for round in $(seq 10); do
		engram-consolidate --quiet --index-only --rebuild &
		sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		same "$export" "$(engram-store --export | sha256sum)"
	done
	exits 0 engram-consolidate --index-only --rebuild
	space=$ENGRAM_HOME/spaces/default
	view_in_use
	[ $(($(state_bytes) * 2)) -lt "$before" ] || { echo "$before bytes of state, then $(state_bytes)"; return 1; }
	exits 0 engram-consolidate --check
	same "$export" "$(engram-store --export | sha256sum)"
}

@test "vectors that are hard on a graph: equal, zero, tiny, of another dimension" {
	vectors 10000 '[1, 2, 3, 4]' | engram-store --import=ndjson - >/dev/null
	exits 0 engram-consolidate --quiet --index-only
	exits 0 engram-consolidate --check
	vectors 4200 '[., 1e-45, -1e-40, 0]' | engram-store --space=tiny --create --import=ndjson - >/dev/null 2>&1 || same 3 "$?"
	exits 0 engram-consolidate --space=tiny --quiet --index-only
	exits 0 engram-consolidate --space=tiny --check
	engram-store --space=one --create "only this" >/dev/null
	exits 0 engram-consolidate --space=one --index-only
	exits 0 engram-consolidate --space=one --check
	contains "$(engram-recall --space=one "only this")" "only this"
	engram-store --space=none --create >/dev/null
	exits 0 engram-consolidate --space=none --index-only
	exits 0 engram-consolidate --space=none --check
}
