# Every way in: the formats, what is wrong in them, vectors beside, all or
# nothing, again and again.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# The memories of a space as one line each: what was given, without id and time.
stored()
{
	engram-store --space="${1:-default}" --export | sed 1d | jq -cS 'del(.v, .type, .id, .stored, .kind)' | LC_ALL=C sort
}

count() { engram-store --export | grep -c '"type":"memory"'; }

# floats FORMAT NUMBER...: the numbers as bytes.
floats()
{
	python3 -c 'import struct,sys; sys.stdout.buffer.write(struct.pack(sys.argv[1], *map(float, sys.argv[2:])))' "$@"
}

# fvecs DIM NUMBER...: rows of DIM numbers.
fvecs()
{
	python3 - "$@" <<-'END'
	import struct, sys
	dim, numbers = int(sys.argv[1]), [float(x) for x in sys.argv[2:]]
	for at in range(0, len(numbers), dim):
	    row = numbers[at:at + dim]
	    sys.stdout.buffer.write(struct.pack("<i%df" % len(row), dim, *row))
	END
}

# npy TYPE SHAPE NUMBER...: TYPE as in NumPy's descr, SHAPE as in its header.
npy()
{
	python3 - "$@" <<-'END'
	import struct, sys
	descr, shape, numbers = sys.argv[1], sys.argv[2], [float(x) for x in sys.argv[3:]]
	order = "True" if descr.startswith("F") else "False"
	descr = descr.lstrip("F")
	head = "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }" % (descr, order, shape)
	head += " " * (63 - (10 + len(head)) % 64) + "\n"
	code = {"f2": "e", "f4": "f", "f8": "d"}.get(descr[1:], "f")
	sys.stdout.buffer.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
	sys.stdout.buffer.write(struct.pack("<%d%s" % (len(numbers), code), *numbers))
	END
}

@test "lines: each is a text; empty ones are passed over; -0 ends them with NUL" {
	printf 'one\n\ntwo\r\n\xef\xbb\xbfthree' >in
	exits 0 engram-store --import=lines in
	prints "imported 3 of 3: 0 already known, 0 rejected, 0."
	same '{"text":"one"} {"text":"two"} {"text":"'$'\xef\xbb\xbf''three"}' "$(stored | tr '\n' ' ' | sed 's/ $//')"
	printf 'first\nof two\0second' | engram-store --space=nul --create --import=lines -0 -
	same '{"text":"first\nof two"} {"text":"second"}' "$(stored nul | tr '\n' ' ' | sed 's/ $//')"
}

@test "--text-later: the text view stays behind, nothing is lost to recall, consolidate catches up" {
	seq -f 'note %g of the harbour' 600 >in
	seq -f 'note %g of the meadow' 300 >more
	engram-store --import=lines in
	engram-store --space=later --create --import=lines --text-later in
	exits 0 engram-recall --space=later --json "note 477 of the harbour"
	same 'note 477 of the harbour' "$(echo "$output" | jq -r 'select(.type == "hit") | .text' | head -n 1)"
	same 600 "$(echo "$output" | jq 'select(.type == "summary") | .text_behind')"
	exits 0 engram-consolidate --space=later --check
	exits 0 engram-consolidate --space=later
	exits 0 engram-recall --space=later --json "note 477 of the harbour"
	same 0 "$(echo "$output" | jq 'select(.type == "summary") | .text_behind')"
	same "$(engram-recall "note 477" | cut -f 1,5)" "$(engram-recall --space=later "note 477" | cut -f 1,5)"
	# behind a view that holds some, and beside words that leave it
	engram-store --space=later --import=lines --text-later more
	engram-store --space=later --forget --yes "$(engram-recall --space=later -k 1 "note 12 of the harbour" | cut -f 2)"
	engram-store --import=lines more
	engram-store --forget --yes "$(engram-recall -k 1 "note 12 of the harbour" | cut -f 2)"
	exits 0 engram-recall --space=later --json "note 233 of the meadow"
	same 'note 233 of the meadow' "$(echo "$output" | jq -r 'select(.type == "hit") | .text' | head -n 1)"
	engram-consolidate --space=later
	exits 0 engram-consolidate --space=later --check
	same "$(engram-recall "note 12 of the meadow" | cut -f 1,5)" "$(engram-recall --space=later "note 12 of the meadow" | cut -f 1,5)"
	exits 2 engram-store --text-later "a text"
}

@test "records: a line of % alone separates; what is around it is no part" {
	printf '%%\none\n  two %%\n%%\n\n%%\n%% not\nthree\n%%\n' >in
	exits 0 engram-store --import=records in
	prints "imported 2 of 2"
	same '{"text":"% not\nthree"} {"text":"one\n  two %"}' "$(stored | tr '\n' ' ' | sed 's/ $//')"
	exits 0 engram-store --import=records --separator=% in
	same "imported 0 of 2: all already known" "$output"
	printf 'a\nb\n\n\n\nc\n' | engram-store --space=p --create --import=records --separator= -
	same '{"text":"a\nb"} {"text":"c"}' "$(stored p | tr '\n' ' ' | sed 's/ $//')"
	printf 'a\n---\nb' | engram-store --space=d --create --import=records --separator=--- -
	same '{"text":"a"} {"text":"b"}' "$(stored d | tr '\n' ' ' | sed 's/ $//')"
	exits 2 engram-store --import=lines --separator=% in
	exits 2 engram-store --import=records --separator=$'a\nb' in
}

@test "a record that is no UTF-8, or too long, is named by its first line" {
	{ printf 'good\n%%\n1\n2 \xff\n%%\n'; head -c 1200000 /dev/zero | tr '\0' 'x' | fold -w 1000; printf '\n%%\nlast\n'; } >in
	exits 3 engram-store --import=records in
	prints "imported 2 of 4: 0 already known, 2 rejected"
	says "in:3: text: byte 4: not UTF-8"
	says "in:6: text: wanted at most 1048576 bytes, found more"
	same 2 "$(count)"
}

@test "tsv: the header names the columns; escapes as our own lines have them" {
	printf '%s\n' $'text\tkey\tconfidence\toccurred\tsource\tactor\ttags\tmeta\tvector\tembedder\tkind\tvalid_until' \
		$'a\\tb\\nc\\\\d \\x1b\\u2028e\tk1\t0.5\t2026-03-01T10:00:00Z\tsrc\tme\tx, y\t{"a":[1]}\t[0.5,-1]\tmine/1/2/f32\tconcept\t2027-01-01' \
		$'only text\t\t\t\t\t\t\t\t\t\t\t' \
		$'tags as JSON\t\t\t\t\t\t["a,b","c"]\t\t\t\t\t' >in.tsv
	exits 0 engram-store --import=tsv in.tsv
	prints "imported 3 of 3"
	engram-store --export | sed 1d >out
	same $'a\tb\nc\\d \e\xe2\x80\xa8e' "$(jq -r 'select(.key == "k1").text' out)"
	same '[0.5,"2026-03-01T10:00:00Z","2027-01-01T00:00:00Z","src","me",["x","y"],{"a":[1]},[0.5,-1],"mine/1/2/f32","concept"]' \
		"$(jq -c 'select(.key == "k1") | [.confidence,.occurred,.valid_until,.source,.actor,.tags,.meta,.vector,.embedder,.kind]' out)"
	same '["a,b","c"]' "$(jq -c 'select(.text == "tags as JSON").tags' out)"
	same '["id","kind","stored","text","type","v"]' "$(jq -cS 'select(.text == "only text") | keys' out)"
	exits 0 engram-store --import=tsv in.tsv
	same "imported 0 of 3: all already known" "$output"
}

@test "tsv: lines of our own output go back in" {
	printf 'tab\there, back\\slash, \e[2J\xc2\x85\xe2\x80\xaeturned\0two\nlines\0' | engram-store -0 - >/dev/null
	{ printf 'id\tstored\ttext\n'; engram-recall | cut -f 2,3,5; } >in.tsv
	exits 0 engram-store --space=other --create --import=tsv in.tsv
	same "$(stored)" "$(stored other)"
}

@test "tsv: a bad header is refused with the nearest name, a bad row alone" {
	printf 'text\tocurred\nx\t\n' >in
	exits 65 engram-store --import=tsv in
	same 'engram-store: in:1: unknown column "ocurred" (did you mean "occurred"?)' "$stderr"
	printf 'text\ttext\nx\ty\n' >in
	exits 65 engram-store --import=tsv in
	says 'in:1: column "text": named twice'
	printf 'source\tkey\nx\ty\n' >in
	exits 65 engram-store --import=tsv in
	says 'columns: wanted "text" or "vector"'
	printf '%s\n' $'text\tconfidence\tmeta' $'ok\t1\t{}' $'few\t1' $'many\t1\t{}\tz' $'C:\\new\\path\t1\t{}' \
		$'sure\t1.5\t{}' $'m\t\t[1]' $'\t1\t{}' $'e\\xff\t\t' >in
	exits 3 engram-store --import=tsv in
	prints "imported 1 of 8: 0 already known, 7 rejected"
	says 'in:3: cells: wanted 3, found 2'
	says 'in:4: cells: wanted 3, found 4'
	says 'in:5: text: byte 6: wanted \t, \n, \r, \\, \xHH or \uHHHH, found a lone backslash'
	says 'in:6: confidence: wanted a number 0..1, found 1.5'
	says 'in:7: meta: wanted a JSON object, found an array'
	says 'in:8: text: missing'
	says 'in:9: text: byte 1: wanted '
}

@test "sqlite: the columns of a query by name; nothing beside the file is made" {
	mkdir d
	sqlite3 d/db "CREATE TABLE n(body, k, sure, at, who, tags, meta, v);
		INSERT INTO n VALUES('one', 'k1', 0.25, '2026-03-01', 'me', 'a,b', '{\"x\":1}', x'0000003f000080bf');
		INSERT INTO n VALUES('two', NULL, NULL, NULL, NULL, '[\"c,d\"]', NULL, '[1,2]');
		INSERT INTO n VALUES(7, NULL, 1, NULL, NULL, NULL, NULL, NULL);
		INSERT INTO n VALUES('four', 'k4', 'much', NULL, NULL, NULL, NULL, NULL);
		INSERT INTO n VALUES('five', x'00', NULL, NULL, NULL, NULL, NULL, NULL);
		INSERT INTO n VALUES('six', NULL, NULL, 1700000000, NULL, NULL, NULL, NULL);
		INSERT INTO n VALUES('seven', NULL, NULL, NULL, NULL, NULL, NULL, x'00');
		INSERT INTO n VALUES('eight', NULL, 1, NULL, NULL, NULL, NULL, NULL);"
	before=$(tree d)
	query="SELECT body AS text, k AS key, sure AS confidence, at AS occurred, who AS actor, tags, meta, v AS vector FROM n"
	exits 3 engram-store --import=sqlite --query="$query" d/db
	prints "imported 3 of 8: 0 already known, 5 rejected"
	says 'd/db:3: text: wanted a text, found the integer 7'
	says 'd/db:4: confidence: wanted a number 0..1, found much'
	says 'd/db:5: key: wanted a text, found a blob'
	says 'd/db:6: occurred: wanted a text, found the integer 1700000000'
	says 'd/db:7: vector: wanted up to 4096 floats of 4 bytes, found 1 bytes'
	same "$before" "$(tree d)"
	same '{"actor":"me","confidence":0.25,"key":"k1","meta":{"x":1},"occurred":"2026-03-01T00:00:00Z","tags":["a","b"],"text":"one","vector":[0.5,-1]}
{"confidence":1,"text":"eight"}
{"tags":["c,d"],"text":"two","vector":[1,2]}' "$(stored)"
}

@test "sqlite: what is no query that reads, and what is no database" {
	mkdir d
	cd d
	sqlite3 db "CREATE TABLE n(body); INSERT INTO n VALUES('one')"
	before=$(sha256sum db)
	exits 2 engram-store --import=sqlite db
	says "--query"
	exits 2 engram-store --import=lines --query="SELECT 1" db
	exits 2 engram-store --import=sqlite --query="SELECT body AS text FROM n" -
	exits 65 engram-store --import=sqlite --query="SELECT body FROM n" db
	says 'db: unknown column "body"'
	exits 65 engram-store --import=sqlite --query="SELECT body AS text FROM nn" db
	says 'db: query: no such table: nn'
	exits 65 engram-store --import=sqlite --query="DELETE FROM n RETURNING body AS text" db
	says 'wanted a statement that only reads'
	exits 65 engram-store --import=sqlite --query="VACUUM INTO 'made'" db
	exits 65 engram-store --import=sqlite --query="ATTACH 'made' AS m" db
	exits 65 engram-store --import=sqlite --query="SELECT body AS text FROM n; DROP TABLE n" db
	says 'wanted one statement'
	exits 65 engram-store --import=sqlite --query="" db
	same "$before" "$(sha256sum db)"
	same db "$(find . -type f ! -name 'separate-stderr-*' -printf '%P\n')"
	echo "not a database, but long enough to be one" >text
	exits 65 engram-store --import=sqlite --query="SELECT 1 AS text" text
	says 'text: wanted a database of SQLite, found something else'
	exits 66 engram-store --import=sqlite --query="SELECT 1 AS text" none
	exits 74 engram-store --import=sqlite --query="SELECT 1 AS text" .
}

@test "sqlite: UTF-16, a link, a WAL that is alone, one that is in use" {
	query="SELECT body AS text FROM n"
	mkdir d
	sqlite3 d/u16 "PRAGMA encoding='UTF-16'; CREATE TABLE n(body); INSERT INTO n VALUES('grüße')"
	ln -s d/u16 link
	engram-store --import=sqlite --query="$query" link
	same '{"text":"grüße"}' "$(stored)"
	# Closed: SQLite removed -wal and -shm; none is made.
	sqlite3 d/wal "PRAGMA journal_mode=WAL; CREATE TABLE n(body); INSERT INTO n VALUES('from a WAL')"
	before=$(tree d)
	exits 0 engram-store --import=sqlite --query="$query" d/wal
	same "$before" "$(tree d)"
	# In use: what was committed is seen, the files stay as they are.
	coproc sqlite3 d/wal
	printf "INSERT INTO n VALUES('from the writer');\nSELECT 'ready';\n" >&"${COPROC[1]}"
	while read -r word <&"${COPROC[0]}" && [ "$word" != ready ]; do :; done
	before=$(tree d)
	exits 0 engram-store --import=sqlite --query="$query" d/wal
	prints "imported 1 of 2: 1 already known"
	same "$before" "$(tree d)"
	# Killed there: -wal without -shm is refused.
	cp d/wal copy; cp d/wal-wal copy-wal
	exits 75 engram-store --import=sqlite --query="$query" copy
	says "has a -wal but no -shm"
	[ ! -e copy-shm ]
	kill "$COPROC_PID"
}

@test "sqlite: a journal that a crash left is not played back; a value beyond 16 MiB ends it" {
	mkdir d
	coproc sqlite3 d/db
	printf '%s\n' "PRAGMA cache_size=2; CREATE TABLE n(body); INSERT INTO n VALUES('kept'); BEGIN;" \
		"INSERT INTO n SELECT hex(zeroblob(2000)) FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<99) SELECT x FROM c);" \
		"UPDATE n SET body = 'changed' WHERE body = 'kept'; SELECT 'ready';" >&"${COPROC[1]}"
	while read -r word <&"${COPROC[0]}" && [ "$word" != ready ]; do :; done
	kill -9 "$COPROC_PID"
	before=$(tree d)
	exits 77 engram-store --import=sqlite --query="SELECT body AS text FROM n" d/db
	says "a crash left its journal"
	same "$before" "$(tree d)"
	sqlite3 d/db "DELETE FROM n"
	sqlite3 d/db "INSERT INTO n VALUES('one'), (zeroblob(17000000)), ('three')"
	exits 3 engram-store --import=sqlite --query="SELECT body AS text FROM n" d/db
	says "d/db:2: "
	says "too big"
	same '{"text":"one"}' "$(stored)"
}

@test "vectors alone: fvecs, and npy of two, four and eight bytes" {
	fvecs 3 1 2 3 -0.5 0.25 0 >a
	exits 0 engram-store --import=vectors a
	same '{"vector":[-0.5,0.25,0]}
{"vector":[1,2,3]}' "$(stored)"
	for type in f2 f4 f8; do
		npy "<$type" "2, 3" 1 2 3 -0.5 0.25 0 >"$type.npy"
		exits 0 engram-store --import=vectors - <"$type.npy"
		same "imported 0 of 2: all already known" "$output"
	done
	npy '<f4' "1, 2" 1 2 >one.npy
	exits 0 engram-store --import=vectors a one.npy
	prints "imported 1 of 3: 2 already known"
}

@test "vectors: what is cut, changed or of another kind is said with the row" {
	fvecs 3 1 2 3 4 5 6 >whole
	head -c 20 whole >cut
	exits 3 engram-store --import=vectors cut
	says "cut:2: row: wanted 16 bytes, found 4 and the end of the file"
	{ fvecs 3 1 2 3; fvecs 2 1 2; } >mixed
	exits 3 engram-store --import=vectors mixed
	says "mixed:2: dimension: wanted 3 as before, found 2"
	echo "just a text file" >text
	exits 65 engram-store --import=vectors text
	says "text:1: dimension: wanted 2 to 4096, found"
	fvecs 2 1 2 nan 1 0 0 3 4 >bad
	exits 3 engram-store --import=vectors bad
	prints "imported 2 of 4: 0 already known, 2 rejected"
	says "bad:2: vector: number 0 is not finite"
	says "bad:3: vector: all numbers are zero"
	npy '<i4' "1, 2" 1 2 >i4.npy
	exits 65 engram-store --import=vectors i4.npy
	says "i4.npy: npy: wanted numbers of type '<f4', '<f8' or '<f2', found '<i4'"
	npy 'F<f4' "1, 2" 1 2 >f.npy
	exits 65 engram-store --import=vectors f.npy
	says "C order"
	npy '<f4' "2," 1 2 >flat.npy
	exits 65 engram-store --import=vectors flat.npy
	says "two dimensions"
	npy '<f4' "3, 2" 1 2 3 4 5 >short.npy
	exits 3 engram-store --import=vectors short.npy
	says "short.npy:3: row: wanted 8 bytes, found 4"
	npy '<f8' "1, 2" 1e300 1 >big.npy
	exits 65 engram-store --import=vectors big.npy
	says "big.npy:1: vector: number 0 is not finite"
}

@test "vectors of 4,096 numbers, 70 MB of them: taken in as they come, in flat memory" {
	python3 - >v <<-'END'
	import struct, sys
	row = bytearray(struct.pack("<i4096f", 4096, *([0.5] * 4096)))
	for i in range(4400):
	    struct.pack_into("<f", row, 4, i)
	    sys.stdout.buffer.write(row)
	END
	(ulimit -d 131072; exec engram-store --import=vectors - <v >out)
	[[ $(cat out) == "imported 4,400 of 4,400: "* ]]
}

@test "vectors beside texts: row for row, over several files, also of what is rejected" {
	printf 'one\ntwo \xff\n' >a
	printf 'three\n' >b
	fvecs 2 1 2 3 4 5 6 >v
	exits 3 engram-store --import=lines --vectors=v a b
	same '{"text":"one","vector":[1,2]}
{"text":"three","vector":[5,6]}' "$(stored)"
	exits 3 engram-store --import=lines --vectors=v a b
	prints "imported 0 of 3: 2 already known, 1 rejected"
	# An empty line counts along; too few rows and too many are said.
	printf 'x\n\ny\n' >c
	exits 3 engram-store --space=c --create --import=lines --vectors=v c
	says "c:2: text: wanted at least one byte, found an empty line"
	same '{"text":"x","vector":[1,2]}
{"text":"y","vector":[5,6]}' "$(stored c)"
	printf '1\n2\n3\n4\n' >d
	exits 3 engram-store --space=d --create --import=lines --vectors=v d
	says "d:4: --vectors: wanted a row for each record, found 3 rows"
	exits 3 engram-store --space=e --create --import=lines --vectors=v b
	says "v: wanted 1 rows, one for each record, found more"
	exits 65 engram-store --space=f --create --import=lines --strict --vectors=v b
	same "" "$(stored f)"
	exits 65 engram-store --import=ndjson --vectors=v - <<<'{"text":"z","vector":[1,2]}'
	says "stdin:1: vector: wanted none beside --vectors, found one"
	exits 2 engram-store --import=lines --vectors=- b
	exits 2 engram-store --import=vectors --vectors=v v
	exits 66 engram-store --import=lines --vectors=none b
}

@test "options give what a record does not state; --embedder names the vectors" {
	printf '{"text":"own","source":"s","tags":["a","x"]}\n{"text":"none"}\n' >in
	exits 0 engram-store --import=ndjson --source=file --tag=x --tag=y --actor=cron --confidence=0.5 in
	same '{"actor":"cron","confidence":0.5,"source":"file","tags":["x","y"],"text":"none"}
{"actor":"cron","confidence":0.5,"source":"s","tags":["a","x","y"],"text":"own"}' "$(stored)"
	exits 0 engram-store --import=ndjson --source=file --tag=x --tag=y --actor=cron --confidence=0.5 in
	same "imported 0 of 2: all already known" "$output"
	fvecs 2 1 2 >v
	exits 0 engram-store --space=v --create --import=vectors --embedder=mine/3 v
	same '{"embedder":"mine/3/2/f32","vector":[1,2]}' "$(stored v)"
	exits 2 engram-store --import=vectors --embedder=mine v
	exits 2 engram-store --import=vectors --key=k v
}

@test "--strict: all or nothing, from files and from a pipe; every bad line is named" {
	seq -f 'line %g' 10000 >in
	printf 'bad \xff\nworse \xfe\n' >>in
	exits 65 engram-store --import=lines --strict in
	same "imported 0 of 10,002: 2 rejected, and --strict stores all or nothing" "$output"
	says "in:10001: text: byte 4: not UTF-8"
	says "in:10002: text: byte 6: not UTF-8"
	same 0 "$(count)"
	exits 65 engram-store --import=lines --strict - <in
	same 0 "$(count)"
	head -n 10000 in | engram-store --import=lines --strict -
	same 10000 "$(count)"
	mkdir gone
	TMPDIR=gone/none exits 66 engram-store --import=lines --strict - <in
	says "temporary file in gone/none"
}

@test "again after a kill: nothing twice, nothing lost, and where it went on" {
	seq -f 'line %g' 60000 >in
	{ cat in; sleep 5; } | engram-store --import=lines - >/dev/null &
	pid=$!
	while [ "$(engram-recall -k 1 2>/dev/null | wc -l)" = 0 ]; do sleep 0.05; done
	kill -9 $pid
	wait $pid || :
	exits 0 engram-store --json --import=lines in
	same 60000 "$(echo "$output" | jq '.imported + .known')"
	[ "$(echo "$output" | jq .known)" -gt 0 ]
	same 60000 "$(count)"
	exits 0 engram-store --import=lines in
	same "imported 0 of 60,000: all already known" "$output"
}

@test "interrupted: what came before is stored, and where it stopped is said" {
	mkfifo pipe
	engram-store --import=lines - <pipe >out 2>err &
	pid=$!
	exec 4>pipe
	seq 100 >&4
	while [ "$(engram-recall -k 1 2>/dev/null | wc -l)" = 0 ]; do sleep 0.05; done
	kill -INT $pid
	wait $pid && false
	exec 4>&-
	same "engram-store: stopped at stdin:100: what came before is stored; the same command goes on from there" "$(cat err)"
	same 100 "$(count)"
	head -n 120 <(seq 120) >in
	exits 0 engram-store -v --import=lines in
	says "went on at in:101: 100 before it were stored already"
	exits 0 engram-store --json --import=lines in
	same null "$(echo "$output" | jq .resumed)"
}

@test "what each format brought in goes out as NDJSON and in again" {
	printf 'one\ntwo\n' >l
	printf 'a\nb\n%%\nc\n' >r
	printf 'text\ttags\nt\tx,y\n' >t
	sqlite3 db "CREATE TABLE n(a, b); INSERT INTO n VALUES('q', '{\"a\": 1}')"
	fvecs 2 1 2 >v
	engram-store --import=lines l
	engram-store --import=records r
	engram-store --import=tsv t
	engram-store --import=sqlite --query="SELECT a AS text, b AS meta FROM n" db
	engram-store --import=vectors v
	engram-store --export >one
	same 8 "$(wc -l <one)"
	engram-store --space=copy --create --import=ndjson --preserve --adopt one
	engram-store --space=copy --export | cmp - one
}
