# Folds as a user meets them: at the end of an import, by engram-consolidate, stopped
# and killed, twice at once.  4,096 texts are the least that make an index.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# N texts of eight words each, from the K-th on; all different.
texts()
{
	awk -v n="$1" -v k="${2-1}" 'BEGIN {
		split("amber birch canal delta ember fjord glade heron islet jetty knoll larch maple north ocean pearl quartz river stone tulip umber vapor water xenon yeast zebra", w, " ")
		for (i = k; i < k + n; i++) {
			x = i
			line = ""
			for (j = 0; j < 8; j++) {
				x = (x * 1103515 + 12345) % 2147483648
				line = line w[int(x / 65536) % 26 + 1] " "
			}
			print line "number " i
		}
	}'
}

# last KEY: of the last run, from its JSON.
last() { engram-consolidate --last --json | jq -r ".$1"; }
views() { find "$ENGRAM_HOME" -name 'view.*.mdb' | wc -l; }
unfolded() { texts "$1" | engram-store --import=lines --index-later -; }

# until_begun PID: until the fold that it is at has a file.
until_begun()
{
	until [ "$(views)" = 1 ]; do
		kill -0 "$1"
		sleep 0.01
	done
}

@test "an import folds at its end; recall finds over the graph what it finds by looking at all" {
	texts 5000 >in
	exits 0 engram-store --import=lines in
	prints "imported 5,000 of 5,000"
	same "" "$stderr"
	same 1 "$(views)"
	exits 0 engram-consolidate --last --json
	same '["v","type","space","tasks","dry_run","frames","bytes","applied","held","memories","purged","freed_bytes","folded","dropped","indexed","tail","view_digest","lineage","differences","digest","elapsed_us","ended","upto","threads","stopped"]' \
		"$(echo "$output" | jq -c keys_unsorted)"
	same '["fold"] 5000 0 5000 0 false' \
		"$(echo "$output" | jq -r '"\(.tasks) \(.folded) \(.dropped) \(.indexed) \(.tail) \(.stopped)"')"
	for k in 7 777 4999; do
		cue=$(texts 1 $k)
		same "$cue" "$(engram-recall --json -k 1 "$cue" | jq -r 'select(.type == "hit").text')"
		same "$(engram-recall --mode=vector --exact -k 5 --ids "$cue" | head -n 1)" \
			"$(engram-recall --mode=vector -k 5 --ids "$cue" | head -n 1)"
	done
	exits 0 engram-consolidate --check
	# A few more are not worth a fold, unless one asks for it; then only they are taken.
	texts 50 5001 | engram-store --quiet --import=lines -
	same 5000 "$(last folded)"
	exits 0 engram-consolidate
	same "0 50" "$(last folded) $(last tail)"
	exits 0 engram-consolidate --index-only
	same "folded 50, indexed 5050, tail 0" "$(echo "$output" | awk -F '\t' '
		{ v[$2] = $3 } END { print "folded " v["folded"] ", indexed " v["indexed"] ", tail " v["tail"] }')"
	exits 0 engram-consolidate --index-only
	same "" "$output"
	same 1 "$(views)"
	# A plain put never folds.
	texts 4400 6001 | engram-store - >/dev/null
	same 50 "$(last folded)"
	exits 0 engram-consolidate
	same "4400 9450" "$(last folded) $(last indexed)"
	exits 0 engram-consolidate --check
}

@test "what is forgotten leaves the index with the next run" {
	unfolded 4200
	exits 0 engram-consolidate
	cue=$(texts 1 77)
	id=$(engram-recall -k 1 --ids "$cue")
	exits 0 engram-store --forget --yes "$id"
	exits 0 engram-consolidate
	same 1 "$(echo "$output" | awk -F '\t' '$2 == "dropped" { print $3 }')"
	same "4199 0" "$(last indexed) $(last tail)"
	[ "$(engram-recall -k 1 --ids "$cue")" != "$id" ]
	exits 0 engram-consolidate --check
}

@test "one index, whatever the threads, and however it came about" {
	unfolded 4200
	exits 0 engram-consolidate --index-only --threads=1 --numa=off
	first=$(last view_digest)
	same 1 "$(last threads)"
	exits 0 engram-consolidate --index-only --rebuild --threads=3
	same "$first 3" "$(last view_digest) $(last threads)"
	exits 0 engram-consolidate --rebuild
	same "$first 4200" "$(last view_digest) $(last indexed)"
	same "rebuild fold" "$(last 'tasks | join(" ")')"
}

@test "--dry-run, --last and --check change no byte" {
	unfolded 4200
	before=$(tree "$ENGRAM_HOME")
	exits 0 engram-consolidate --dry-run
	same 4200 "$(echo "$output" | awk -F '\t' '$2 == "would-fold" { print $3 }')"
	exits 0 engram-consolidate --dry-run --index-only --json
	same 4200 "$(echo "$output" | jq .folded)"
	exits 1 engram-consolidate --last
	same "" "$output"
	exits 0 engram-consolidate --check
	same "$before" "$(tree "$ENGRAM_HOME")"
	exits 0 engram-consolidate
	before=$(tree "$ENGRAM_HOME")
	exits 0 engram-consolidate --dry-run
	exits 0 engram-consolidate --last
	same "$before" "$(tree "$ENGRAM_HOME")"
	# what waits to be taken in is counted, whether there is a state or not
	texts 30 5001 | engram-store - >/dev/null
	engram-store --forget --yes "$(engram-recall -k 1 --ids "$(texts 1 77)")"
	before=$(tree "$ENGRAM_HOME")
	exits 0 engram-consolidate --dry-run --index-only --json
	same "31 30 1 4229 0" "$(echo "$output" | jq -r '"\(.applied) \(.folded) \(.dropped) \(.indexed) \(.tail)"')"
	same "$before" "$(tree "$ENGRAM_HOME")"
	rm "$ENGRAM_HOME"/spaces/default/{CURRENT,state.*,text.*,view.*}
	exits 0 engram-consolidate --dry-run --json
	same "4232 4229 0 4229 0" "$(echo "$output" | jq -r '"\(.applied) \(.folded) \(.dropped) \(.indexed) \(.tail)"')"
}

@test "F01: a fold that is killed leaves what was, and the next run begins it again" {
	unfolded 4500
	engram-store --export >before
	for ms in 0 20 60 150 300 600; do
		engram-consolidate >/dev/null 2>&1 &
		sleep "$(printf '0.%03d' $ms)"
		kill -9 $! 2>/dev/null || :
		wait $! 2>/dev/null || :
		[ "$(views)" -le 2 ]
		cue=$(texts 1 $((ms + 1)))
		same "$cue" "$(engram-recall --json -k 1 "$cue" | jq -r 'select(.type == "hit").text')"
	done
	exits 0 engram-consolidate
	engram-store --export | cmp - before
	exits 0 engram-consolidate --check
	same 1 "$(views)"
	first=$(engram-consolidate --json | jq -r .view_digest)
	exits 0 engram-consolidate --index-only --rebuild
	same "$first" "$(last view_digest)"
}

@test "F13, F14: a second run says who is at it; the first one, stopped meanwhile, ends well" {
	unfolded 4500
	engram-consolidate --quiet &
	pid=$!
	until_begun $pid
	kill -STOP $pid
	exits 75 engram-consolidate --wait=0
	says "$pid"
	exits 75 engram-consolidate --index-only --wait=200ms --json
	same "busy true" "$(echo "$stderr" | jq -r '"\(.code) \(.retry)"')"
	exits 0 engram-recall "$(texts 1 9)"
	engram-store "a word in between" >/dev/null
	kill -CONT $pid
	wait $pid
	same 4500 "$(last folded)"
	exits 0 engram-consolidate --check
}

@test "--max-time: 75, what is left is named, and what was is still in use" {
	unfolded 4500
	texts 200 9001 | engram-store - >/dev/null
	exits 75 engram-consolidate --max-time=1ms
	says "left to do: "
	says "fold"
	says "the next run goes on"
	same 0 "$(views)"
	exits 0 engram-recall "$(texts 1 9)"
	engram-store --space=other --create y >/dev/null
	exits 75 engram-consolidate --all-spaces --max-time=1ms
	says "other"
	exits 0 engram-consolidate --all-spaces --max-time=10m
	same 4700 "$(last indexed)"
}

@test "an interrupted fold leaves the status of its import" {
	texts 6000 >in
	engram-store --import=lines in >out 2>err &
	pid=$!
	until_begun $pid
	kill -INT $pid
	code=0
	wait $pid || code=$?
	same 0 $code
	grep -q "imported 6,000 of 6,000" out
	if grep -q "left for later" err; then
		same 0 "$(views)"
		exits 1 engram-consolidate --last
	fi
	exits 0 engram-consolidate --index-only
	same 6000 "$(last indexed)"
}

@test "--all-spaces --last: each that had a run; 1 where none had" {
	unfolded 4200
	engram-store --space=small --create x >/dev/null
	exits 1 engram-consolidate --last --all-spaces
	exits 0 engram-consolidate --all-spaces
	exits 0 engram-consolidate --last --all-spaces
	same default "$(echo "$output" | cut -f 1 | uniq)"
	exits 0 engram-consolidate --last
	[[ $output == *"view	"* ]]
}

@test "a run needs to write, a look does not" {
	needs_root
	open_dir
	export ENGRAM_HOME=$open_dir/home
	unfolded 4200
	chmod -R a+rX "$ENGRAM_HOME"
	program=$(command -v engram-consolidate)
	exits 77 as_nobody "$program"
	exits 77 as_nobody "$program" --index-only
	exits 0 as_nobody "$program" --dry-run
	engram-consolidate --quiet
	chmod -R a+rX "$ENGRAM_HOME"
	# Without locks the state is read only where nobody can change it.
	exits 77 as_nobody "$program" --last
	chmod -R a-w "$ENGRAM_HOME"
	exits 0 as_nobody "$program" --last
	prints "folded	4200"
	exits 0 as_nobody "$program" --warm
	chmod -R u+w "$ENGRAM_HOME"
	close_dir
}

@test "frames that wait are told with what they wait for" {
	engram-store "here and now" >/dev/null
	engram-shipwal --home=ahead pull "local:$ENGRAM_HOME" >/dev/null 2>&1
	ENGRAM_NOW=2998-12-31T23:59:59Z engram-store --home=ahead "from a clock that is ahead" >/dev/null
	engram-shipwal pull local:ahead >/dev/null 2>&1
	exits 0 engram-consolidate
	says "2 frames of log"
	says "wait until 2998-12-31T23:5"
	exits 0 engram-consolidate --quiet
	same "" "$stderr"
}

@test "options that do not go together are refused" {
	for wrong in "--index-only --check" "--index-only --warm" "--index-only --compact" "--last --check" \
		"--last --threads=2" "--last --max-time=1" "--last --dry-run" "--threads=0" "--threads=257" \
		"--numa=maybe" "--max-time=-1" "--max-time=x" "--all-spaces --space=default"; do
		# shellcheck disable=SC2086
		exits 2 engram-consolidate $wrong
	done
	exits 2 engram-store --index-later x
	says "--index-later: goes with --import only"
}
