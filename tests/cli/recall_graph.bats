# engram-recall over what a fold took: searched, filtered, damaged, read-only.
# Variables of bats; each test is a subshell of its own.
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

WORDS=(walrus clam ice tusk sea whisker floe krill otter kelp)

# A copied home is another store, whose derived files are not the log's: all tests use
# the one, and those that change it stand last.
setup_file()
{
	export ENGRAM_HOME=$BATS_FILE_TMPDIR/home
	for i in {1..5000}; do
		printf '{"text":"%s %s and %s number %d is %x","tags":["by%d","few%d"],"source":"s%d","occurred":"2026-01-01T00:%02d:00Z"}\n' \
			"${WORDS[i % 10]}" "${WORDS[i / 10 % 10]}" "${WORDS[i / 100 % 10]}" "$i" $((i * i * 7919 + 1000000)) $((i % 2)) $((i % 500)) \
			$((i % 100)) $((i % 60))
	done | engram-store --import=ndjson - >"$BATS_FILE_TMPDIR/ids"
	engram-consolidate
}

setup()
{
	export ENGRAM_HOME=$BATS_FILE_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	cd "$BATS_TEST_TMPDIR" || return
}

view() { echo "$ENGRAM_HOME"/spaces/default/view.*.mdb; }
compared() { echo "$output" | jq 'select(.type == "summary") | .compared'; }
ids() { echo "$output" | jq -r 'select(.type == "hit") | .id'; }

@test "filters: recall@10 at one in 2, 10 and 500, alone and together, against --exact" {
	found=0 all=0
	for filter in --tag=by1 --source=s7 --tag=few8 "--tag=by0 --source=s40" --since=2026-01-01T00:50:00Z; do
		for cue in "walrus ice number 7" "tusk and whisker number 77" "kelp and krill number 48"; do
			# shellcheck disable=SC2086
			{
				engram-recall --ids --mode=vector --min-confidence=0 --exact $filter "$cue" | sort >exact
				engram-recall --ids --mode=vector --min-confidence=0 --ef=100 $filter "$cue" | sort >near
			}
			[ -s exact ]
			all=$((all + $(wc -l <exact)))
			found=$((found + $(comm -12 exact near | wc -l)))
		done
	done
	echo "found $found of $all"
	[ $((found * 100)) -ge $((all * 95)) ]
}

@test "F09: a folded space in a read-only place" {
	chmod -R a-w "$ENGRAM_HOME"
	exits 0 engram-recall --mode=vector --min-confidence=0 "walrus ice"
	same "" "$stderr"
	exits 0 engram-recall "walrus ice"
	chmod -R u+w "$ENGRAM_HOME"
}

@test "--mode=vector loads neither SQLite nor libnuma" {
	loaded() { LD_DEBUG=files "$(command -v engram-recall)" "$@" 2>&1 >/dev/null | grep -o 'lib[a-z0-9]*\.so' | sort -u; }
	[[ $(loaded "walrus ice") == *libsqlite3* ]]
	[[ $(loaded --mode=vector "walrus ice") != *lib@(sqlite3|numa)* ]]
}

@test "--ef: a search of the index compares a part; --exact all; what is new is there at once" {
	ask() { engram-recall --mode=vector --json --explain --min-confidence=0 "$@"; }
	exits 0 ask --exact "otter kelp sea number 4321"
	same 5000 "$(compared)"
	ids | sort >all
	exits 0 ask --ef=64 "otter kelp sea number 4321"
	[ "$(compared)" -lt 4000 ]
	[ "$(ids | sort | comm -12 - all | wc -l)" -ge 6 ]
	best=$(ids | head -n 1)
	new=$(engram-store "an otter in the kelp of the sea")
	exits 0 ask --ef=64 "otter in the kelp of the sea"
	same "$new" "$(ids | head -n 1)"
	engram-store --yes --forget "$best"
	exits 0 ask --ef=64 "otter kelp sea number 4321"
	same 0 "$(ids | grep -c "$best")"
	exits 2 engram-recall --ef=0 x
	exits 2 engram-recall --ef=1000001 x
}

@test "F11: a view file that cannot be read is told once; words still find; engram-consolidate mends it" {
	for what in gone short other; do
		file=$(view)
		case $what in
		gone) rm "$file" ;;
		short) truncate -s 50000 "$file" ;;
		other) dd if=/dev/urandom of="$file" bs=4096 count=2 conv=notrunc status=none ;;
		esac
		printf 'walrus ice\nclam\n' >cues
		run --separate-stderr bash -c 'engram-recall --batch --json --min-confidence=0 - <cues'
		same 0 "$status"
		same 1 "$(echo "$stderr" | grep -c "$(basename "$file")")"
		says "engram-consolidate"
		same 'true ["vectors"] true ["vectors"]' \
			"$(echo "$output" | jq -rj 'select(.type == "summary") | "\(.partial) \(.missing) "' | sed 's/ $//')"
		contains "$output" "walrus ice and"
		exits 1 engram-recall --mode=vector "walrus ice"
		engram-consolidate
		exits 0 engram-recall --mode=vector --json --explain "walrus ice"
		same false "$(echo "$output" | jq 'select(.type == "summary") | .partial')"
		same "" "$stderr"
		[ "$(compared)" -ge 5000 ]
	done
}
