# engram-consolidate: nothing it does changes what is remembered.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

@test "each task leaves the export as it was" {
	memories 500
	id=$(engram-recall -k 1 "memory 77" | cut -f 2)
	engram-store --forget --yes "$id"
	engram-store --export >before
	for task in "" --check --rebuild --compact --warm --check "--rebuild --check" --all-spaces; do
		# shellcheck disable=SC2086
		exits 0 engram-consolidate $task
		engram-store --export | cmp - before
	done
}

@test "the report: lines of space, quantity, value; a JSON object with fixed keys" {
	memories 200
	exits 0 engram-consolidate --check
	same 200 "$(echo "$output" | awk -F '\t' '$1 == "default" && $2 == "memories" { print $3 }')"
	same 0 "$(echo "$output" | awk -F '\t' '$2 == "differences" { print $3 }')"
	exits 0 engram-consolidate --rebuild --json
	same '["v","type","space","tasks","dry_run","frames","bytes","applied","held","memories","purged","freed_bytes","folded","dropped","indexed","tail","differences","digest","elapsed_us"]' \
		"$(echo "$output" | jq -c keys_unsorted)"
	same 'report default ["rebuild","fold"] 200' "$(echo "$output" | jq -r '"\(.type) \(.space) \(.tasks) \(.memories)"')"
}

@test "what was forgotten leaves every file with the next run, and only then is there one to purge" {
	memories 300
	engram-consolidate
	id=$(engram-store "The code of the safe is 4711")
	other=$(engram-store "The safe stands behind the picture")
	engram-store --link "$id" "$other" --relation=opens
	exits 0 engram-store --forget "$id" --yes
	exits 0 engram-consolidate --dry-run
	same 1 "$(echo "$output" | awk -F '\t' '$2 == "would-purge" { print ($3 > 0) }')"
	grep -rqa "code of the safe" "$ENGRAM_HOME"
	exits 0 engram-consolidate
	same 1 "$(echo "$output" | awk -F '\t' '$2 == "purged" { print ($3 > 0) }')"
	same "" "$(grep -rla "code of the safe" "$ENGRAM_HOME")"
	before=$(cat "$ENGRAM_HOME/spaces/default/CURRENT")
	exits 0 engram-consolidate
	same "" "$output"
	same "$before" "$(cat "$ENGRAM_HOME/spaces/default/CURRENT")"
	exits 0 engram-consolidate --check
}

@test "deleting all but log/ and the space file loses nothing" {
	memories 400
	engram-consolidate
	engram-store --export >before
	digest=$(engram-consolidate --check | awk -F '\t' '$2 == "digest" { print $3 }')
	(cd "$ENGRAM_HOME/spaces/default" && find . -mindepth 1 -maxdepth 1 ! -name log ! -name space -exec rm -rf {} +)
	exits 0 engram-recall "memory 77"
	prints "memory 77"
	engram-store --export | cmp - before
	exits 0 engram-consolidate --rebuild
	engram-store --export | cmp - before
	same "$digest" "$(engram-consolidate --check | awk -F '\t' '$2 == "digest" { print $3 }')"
}

@test "a damaged log is 70, named, and nothing is changed" {
	memories 300
	engram-consolidate
	segment=$(find "$ENGRAM_HOME/spaces/default/log" -name '*.wal' | head -n 1)
	printf 'XXXX' | dd of="$segment" bs=1 seek=6000 conv=notrunc status=none
	before=$(tree "$ENGRAM_HOME/spaces/default/log")
	exits 70 engram-consolidate --check
	says "$(basename "$segment")"
	exits 70 engram-consolidate --rebuild
	exits 0 engram-recall memory
	same "$before" "$(tree "$ENGRAM_HOME/spaces/default/log")"
}

@test "a derived file that differs is found by --check and mended by --rebuild" {
	memories 300
	engram-store --tag=landmark "a memory with a tag"
	engram-consolidate --rebuild
	state=$(ls "$ENGRAM_HOME"/spaces/default/state.*.mdb)
	# Everywhere: a page that LMDB has freed may hold an older copy, which nobody reads.
	for at in $(grep -abo 'landmark' "$state" | cut -d : -f 1); do
		printf 'lAndmark' | dd of="$state" bs=1 seek="$at" conv=notrunc status=none
	done
	exits 1 engram-consolidate --check
	exits 0 engram-consolidate --rebuild
	exits 0 engram-consolidate --check
}

@test "--all-spaces: one that fails does not stop the others" {
	memories 10
	engram-store --space=bad --create x >/dev/null
	engram-store --space=good --create y >/dev/null
	echo garbage >"$ENGRAM_HOME/spaces/bad/space"
	exits 3 engram-consolidate --all-spaces --check
	same "default good" "$(echo "$output" | cut -f 1 | uniq | tr '\n' ' ' | sed 's/ $//')"
	says bad
	exits 0 engram-recall --space=good y
}

@test "SIGTERM stops a rebuild, and the space is as it was" {
	memories 5000
	engram-store --export >before
	engram-consolidate --rebuild >/dev/null 2>&1 &
	sleep 0.05
	kill -TERM $! 2>/dev/null || true
	code=0
	wait $! || code=$?
	[ $code = 143 ] || [ $code = 0 ]
	engram-store --export | cmp - before
	exits 0 engram-consolidate --check
}

# LMDB trusts its pages: a wrong one may send it out of its map.  The pages are
# read by a child of the check, whose death is a finding.
@test "F11: pages of the state that lie are found, whatever they do to who reads them" {
	memories 1000
	engram-consolidate
	state=$(echo home/spaces/default/state.*.mdb)
	cp "$state" sound
	found=0
	for page in $(seq 2 4 120); do
		# Lower and upper end of the page's free space, and the first pointers.
		printf '\377\177\001\200\377\177' | dd of="$state" bs=1 seek=$((page * 4096 + 12)) conv=notrunc status=none
		run --separate-stderr engram-consolidate --check
		[ "$status" -le 1 ] || { show "page $page"; return 1; }
		found=$((found + status))
		cat sound >"$state"
	done
	[ $found -gt 5 ]
	exits 0 engram-consolidate --check
}

@test "F11: pages of the text view that lie are found, named and mended" {
	memories 1000
	engram-consolidate
	view=$(echo home/spaces/default/text.*.db)
	dd if=/dev/zero of="$view" bs=4096 seek=2 count=5 conv=notrunc status=none
	exits 1 engram-consolidate --check
	says "text view"
	run --separate-stderr engram-recall memory
	[ "$status" = 0 ] || says "engram-consolidate --rebuild"
	exits 0 engram-consolidate --rebuild
	exits 0 engram-consolidate --check
	exits 0 engram-recall memory
}
