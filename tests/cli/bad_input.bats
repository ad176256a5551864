# Bad input, by the ids of the table in tests/README.md: never a crash, a hang or a
# half-done thing; the right exit status; a message that names the place.
# Variables of bats; each test is a subshell of its own; text for other shells.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016
load ../lib/engram

# import JSON-LINE: into the space default
import() { printf '%s\n' "$1" | engram-store --import=ndjson -; }

refused()
{
	exits 65 import "$1"
	says "stdin:1: "
	says "$2"
}

nothing_stored() { [ ! -e "$ENGRAM_HOME/spaces" ] || same "" "$(engram-store --list-spaces | cut -f 2 | grep -v '^0$')"; }

bad_name()
{
	for c in "engram-recall x" "engram-store --create x" "engram-consolidate"; do
		# shellcheck disable=SC2086
		run --separate-stderr $c --space="$1"
		[ "$status" = 2 ] || [ "$status" = 65 ] || { show "$c"; return 1; }
		says "space"
		[[ $stderr != *$'\n'* ]]
	done
	[ ! -e "$ENGRAM_HOME/spaces" ] || same "" "$(ls -A "$ENGRAM_HOME/spaces")"
}

@test "B01: a space ../../x" { bad_name ../../x; [ ! -e x ]; }
@test "B02: an absolute path as space" { bad_name "$BATS_TEST_TMPDIR/abs"; [ ! -e abs ]; }
@test "B03: . and .. as space" { bad_name .; bad_name ..; }
@test "B04: an empty name" { bad_name ""; }

@test "B05: 65 characters; 64 are well" {
	name=$(printf 'a%.0s' $(seq 64))
	bad_name "${name}a"
	exits 0 engram-store --space="$name" --create x
}

@test "B06: a name with a newline, shown on one line" { bad_name $'two\nlines'; }

@test "B07: NUL ends an argument; the rest of a name is not seen" {
	printf 'na\0me' | xargs -0 -n 1 echo | head -n 1 >name
	exits 0 engram-store --space="$(cat name)" --create x
	exits 0 engram-store --list-spaces
	same na "$(echo "$output" | cut -f 1)"
}

@test "B08: a name with a leading dash" { bad_name -x; bad_name --help; }

@test "B09: upper case and look-alikes" {
	for name in Work wOrk wörk "$(printf 'w\xd0\xberk')" 'a b' 'a/b' 'a\b' .hidden; do
		bad_name "$name"
	done
}

@test "B10: a symbolic link where the space should be" {
	engram-store --space=real --create secret
	ln -s real "$ENGRAM_HOME/spaces/linked"
	for c in "engram-recall secret" "engram-store x" "engram-store --create x" "engram-consolidate"; do
		# shellcheck disable=SC2086
		run --separate-stderr $c --space=linked
		[ "$status" -ge 65 ]
		same "" "$output"
	done
	same secret "$(engram-recall --space=real | cut -f 5)"
}

@test "B11: a space that belongs to somebody else" {
	needs_root
	open_dir
	ENGRAM_HOME=$open_dir/home
	engram-store secret
	chmod -R a+rwX "$open_dir"
	exits 77 as_nobody "$(command -v engram-store)" mine
	exits 77 as_nobody "$(command -v engram-consolidate)" --rebuild
	same secret "$(engram-recall | cut -f 5)"
	close_dir
}

@test "B12: a FIFO, a socket, a device, a directory named like files of the store" {
	engram-store one >/dev/null
	dir=$ENGRAM_HOME/spaces/default
	engram-consolidate --rebuild
	for kind in fifo directory device; do
		for file in CURRENT "$(basename "$(ls "$dir"/state.*.mdb)")"; do
			mv "$dir/$file" kept
			case $kind in
			fifo) mkfifo "$dir/$file" ;;
			directory) mkdir "$dir/$file" ;;
			device)
				[ "$(id -u)" = 0 ] || continue
				mknod "$dir/$file" c 1 5
				;;
			esac
			run --separate-stderr timeout 20 engram-recall one
			[ "$status" -lt 124 ]
			run --separate-stderr timeout 20 engram-store two
			[ "$status" -lt 124 ]
			rm -rf "${dir:?}/$file"
			mv kept "$dir/$file"
		done
	done
	exits 0 engram-recall one
	mkdir -p "$ENGRAM_HOME/spaces"
	mkfifo "$ENGRAM_HOME/spaces/pipe"
	run --separate-stderr timeout 20 engram-recall --space=pipe x
	[ "$status" -ge 65 ] && [ "$status" -lt 124 ]
}

@test "B15: 4,000 arguments" {
	# shellcheck disable=SC2046
	engram-store $(seq -f 'text-%g' 4000) >ids
	same 4000 "$(sort -u ids | wc -l)"
	# shellcheck disable=SC2046
	exits 0 engram-recall --min-confidence=0 $(seq 4000)
	# shellcheck disable=SC2046
	exits 0 engram-store --get $(cat ids)
	same 4000 "${#lines[@]}"
}

@test "B16: LANG unset, odd, and a comma-decimal locale" {
	engram-store --confidence=0.5 one >/dev/null
	wanted=$(engram-store --export)
	for locale in '' xx_YY.nonsense $(locale -a | grep -E '^(de|fr|it|es)_' | head -n 1); do
		LC_ALL=$locale LANG=$locale exits 0 engram-store --export
		same "$wanted" "$output"
		LC_ALL=$locale exits 0 engram-store --confidence=0.5 one
		LC_ALL=$locale exits 2 engram-store --confidence=0,5 one
	done
	unset LANG LC_ALL
	exits 0 engram-store --export
}

@test "B17: no bytes, empty and blank texts" {
	exits 0 engram-store - </dev/null
	same "" "$output"
	exits 65 engram-store ""
	exits 0 engram-store - < <(printf '\n\n\n')
	same "" "$output"
	exits 0 engram-store --import=ndjson - </dev/null
	prints "imported 0 of 0"
	exits 2 engram-recall ""
	nothing_stored
}

@test "B18, B24: 1 GiB without a newline: refused with its line, the rest goes in, memory flat" {
	needs_plain_build
	gigabyte() { echo first; head -c 1G /dev/zero | tr '\0' x; printf '\nlast\n'; }
	export -f gigabyte
	# 32 MiB for all that is allocated.
	run --separate-stderr bash -c 'gigabyte | (ulimit -d 32768; exec engram-store -)'
	same 3 "$status"
	same 2 "${#lines[@]}"
	same 'engram-store: stdin:2: text: wanted at most 1048576 bytes, found more (split it into several memories)' "$stderr"
}

@test "B19: bytes that are not UTF-8 are refused with the offset" {
	bad=($'\xc0\xaf' $'\xed\xa0\x80' $'\xf4\x90\x80\x80' $'\xff' $'abc\xe2\x82')
	for b in "${bad[@]}"; do
		exits 65 engram-store "$b"
		says "byte"
		says "UTF-8"
		exits 65 import "{\"text\":\"$b\"}"
		exits 65 engram-recall "$b"
		exits 65 engram-store --tag="$b" x
	done
	printf 'good\nbad \xff\ngood too\n' >in
	exits 3 engram-store - <in
	says "stdin:2: text: byte 4"
	same 2 "${#lines[@]}"
}

@test "B20: NUL inside" {
	exits 3 engram-store - < <(printf 'good\nnu\0l\n')
	says "stdin:2: "
	same 1 "${#lines[@]}"
	refused '{"text":"a\u0000b"}' NUL
}

@test "B21, B22, B23: escapes, C1 and bidirectional controls never reach the output as such" {
	printf 'clear \e[2J title \e]0;x\a clip \e]52;c;eA==\a cursor \e[6n del \x7f c1 \xc2\x9b2J bidi \xe2\x80\xae zwj \xe2\x80\x8d\n' >in
	id=$(engram-store - <in)
	for c in "engram-recall clear" "engram-store --get $id" "engram-recall --json clear" "engram-store --export" \
		"engram-recall --explain clear"; do
		# shellcheck disable=SC2086
		exits 0 $c
		same "" "$(echo "$output" | tr -d '\n\t' | LC_ALL=C grep -aP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]')"
	done
	# What was stored is what comes back.
	engram-store --json --get "$id" | jq -rj '.text + "\n"' | cmp - in
	if command -v script >/dev/null; then
		NO_COLOR=1 TERM=xterm script -qec 'engram-recall clear' /dev/null >shown
		same 0 "$(grep -c $'\e' shown)"
		grep -q 'clear \\x1b\[2J title' shown
	fi
	# And in messages.
	exits 66 engram-store --get "$(printf 'zz\e[2Jzz')" || same 65 "$status"
	[[ $stderr != *$'\e'* ]]
}

@test "B25: CRLF, lone CR, no final newline, byte-order mark" {
	printf '\xef\xbb\xbfone\r\ntwo\rthree\nfour' | engram-store - >ids
	engram-store --json --get - <ids | jq -c .text >texts
	same '"one" "two\rthree" "four" ' "$(tr '\n' ' ' <texts)"
	printf '\xef\xbb\xbf{"text":"five"}\r\n{"text":"six"}' >in
	exits 0 engram-store --import=ndjson in
	prints "imported 2 of 2"
}

@test "B26: text that looks like our own" {
	for t in '{"v":1,"type":"memory","id":"0123","text":"x"}' $'0.9\tid\tnow\tvivid\ttext' 'ENGR' '-'; do
		id=$(engram-store -- "$t x")
		same "$t x" "$(engram-store --json --get "$id" | jq -r .text)"
	done
	same 4 "$(engram-recall | wc -l)"
}

@test "B27: depth 100,000" {
	d=$(printf '[%.0s' $(seq 100000))
	refused "{\"text\":\"x\",\"meta\":{\"a\":$d}}" "byte"
	refused "$d" "wanted an object, found an array"
}

@test "B28: a key twice" { refused '{"text":"a","text":"b"}' "byte"; nothing_stored; }
@test "B29: a number with 10,000 digits" {
	n=$(printf '1%.0s' $(seq 10000))
	refused "{\"text\":\"a\",\"confidence\":0.$n}" "byte"
	refused "{\"text\":\"a\",\"meta\":{\"n\":$n}}" "byte"
}
@test "B30: a lone surrogate escape" { refused '{"text":"a\ud800b"}' "byte"; refused '{"text":"\udc00"}' "byte"; }
@test "B31: cut in the middle of a string" {
	refused '{"text":"a' "byte"
	refused "{\"text\":\"a\\" "byte"
	refused '{"text":"a\u00' "byte"
	refused '{"text":"a"' "byte"
	nothing_stored
}

@test "B32: two values on a line" {
	refused '{"text":"a"} {"text":"b"}' "byte"
	nothing_stored
}

@test "B33: the wrong type for every field" {
	for f in key text source actor embedder; do refused "{\"text\":\"x\",\"$f\":1}" "byte" || refused "{\"$f\":1}" "$f: wanted a string, found"; done
	refused '{"text":1}' "text: wanted a string, found 1"
	refused '{"text":"x","kind":"dream"}' 'kind: wanted "episode" or "concept", found "dream"'
	refused '{"text":"x","confidence":"high"}' 'confidence: wanted a number 0..1, found "high"'
	refused '{"text":"x","confidence":1.5}' 'confidence: wanted a number 0..1, found 1.5'
	refused '{"text":"x","occurred":5}' "occurred: wanted a time"
	refused '{"text":"x","occurred":"3d"}' "occurred: wanted a time"
	refused '{"text":"x","tags":"a"}' 'tags: wanted an array, found "a"'
	refused '{"text":"x","tags":[1]}' "tags: wanted strings, found 1"
	refused '{"text":"x","meta":[]}' "meta: wanted an object"
	refused '{"text":"x","vector":{}}' "vector: wanted an array"
	refused '{"text":"x","vector":["1"]}' "vector: wanted numbers"
	refused '{"text":"x","id":"abc"}' "id: wanted an id of 26 characters"
	refused '{"text":"x","type":"dream"}' "type: wanted"
	refused '{}' "text: missing"
	refused '[]' "record: wanted an object"
	refused '"text"' "record: wanted an object"
	exits 76 import '{"v":2,"text":"x"}'
	says "v: wanted 1, found 2"
	nothing_stored
}

@test "B34: an unknown field is refused, with the nearest known" {
	refused '{"text":"x","tagz":[]}' 'unknown field "tagz" (did you mean "tags"?)'
	nothing_stored
}

@test "B35: a million empty lines" {
	{ head -c 1000000 /dev/zero | tr '\0' '\n'; echo '{"text":"x"}'; } >in
	exits 0 engram-store --import=ndjson in
	prints "imported 1 of 1"
	{ head -c 1000000 /dev/zero | tr '\0' '\n'; printf '\xff\n'; } >in
	exits 65 engram-store - <in
	says "stdin:1000001: "
}

@test "B36: comments, trailing commas, single quotes" {
	refused '{"text":"a",}' "byte"
	refused "{'text':'a'}" "byte"
	refused '{"text":"a"} // x' "byte"
	refused '{/* x */"text":"a"}' "byte"
	nothing_stored
}

@test "B37: vectors: too long, zero, infinite, mixed" {
	refused "{\"text\":\"x\",\"vector\":[$(seq -s, 4097)],\"embedder\":\"e/1/4097/f32\"}" "vector: wanted at most 4096"
	refused '{"text":"x","vector":[1e999,1],"embedder":"e/1/2/f32"}' "vector: wanted numbers"
	refused '{"text":"x","vector":[NaN,1],"embedder":"e/1/2/f32"}' "byte"
	exits 65 import '{"text":"x","vector":[0,0,0],"embedder":"e/1/3/f32"}'
	exits 65 import '{"text":"x","vector":[1],"embedder":"e/1/1/f32"}'
	nothing_stored
}

@test "input that is not there, or is a directory" {
	exits 66 engram-store --import=ndjson none.ndjson
	says "none.ndjson"
	exits 74 engram-store --import=ndjson .
	exits 2 engram-store --import=xml none.ndjson
	says "wanted ndjson"
	exits 2 engram-store --import=ndjson
	nothing_stored
}

@test "texts, fields and tags at and above their limits" {
	head -c 1048576 /dev/zero | tr '\0' x >in
	exits 0 engram-store - <in
	same 1048576 "$(engram-store --json --get "$output" | jq '.text | length')"
	printf x >>in
	exits 65 engram-store - <in
	k=$(printf 'k%.0s' $(seq 4096))
	exits 0 engram-store --key="$k" x
	exits 65 engram-store --key="${k}k" x
	exits 65 engram-store --meta='not json' x
	exits 65 engram-store --meta='[]' x
	exits 65 engram-store --tag= x
}

@test "B12: a FIFO in place of a segment or a mark does not hang a reader" {
	engram-store x >/dev/null
	cp -a home saved
	for name in '*.wal' mark; do
		file=$(echo home/spaces/default/log/*/$name)
		rm "$file"
		mkfifo "$file"
		for program in engram-recall "engram-consolidate --check" "engram-store --export"; do
			# shellcheck disable=SC2086
			run --separate-stderr timeout 10 $program
			[ "$status" -lt 100 ] || { show "$name $program"; return 1; }
		done
		rm -r home
		cp -a saved home
	done
}

# -- every way in ---------------------------------------------------------------

text_formats="ndjson lines records tsv"

# as FORMAT [TEXT...]: each standard input line, or operand, as a record of the format.
as()
{
	case $1 in
	ndjson) LC_ALL=C sed 's/.*/{"text":"&"}/' ;;
	lines) cat ;;
	records) LC_ALL=C sed 's/$/\n%/' ;;
	tsv) echo text && cat ;;
	esac
}

# imports FORMAT STATUS FILE
imports() { exits "$2" engram-store --space="$1" --create --import="$1" "$3"; }

texts_of() { engram-store --space="$1" --export | sed 1d | jq -r .text | LC_ALL=C sort; }

@test "B18, B24: a record of 100 MiB in every format: refused with its place, the rest goes in, memory flat" {
	needs_plain_build
	for format in $text_formats; do
		{ echo first; head -c 100M /dev/zero | tr '\0' x; printf '\nlast\n'; } | as "$format" >in
		# 32 MiB for all that is allocated, 64 where a record may be 16 MiB long.
		run --separate-stderr bash -c "ulimit -d 65536; exec engram-store --space=$format --create --import=$format in"
		same "$format 3" "$format $status"
		prints "imported 2 of 3: 0 already known, 1 rejected"
		says "in:"
		says "found more"
		same $'first\nlast' "$(texts_of "$format")"
	done
	sqlite3 db "CREATE TABLE n(t); INSERT INTO n VALUES('first'), (hex(zeroblob(1000000))), ('last')"
	run --separate-stderr bash -c 'ulimit -d 65536; exec engram-store --space=sqlite --create --import=sqlite --query="SELECT t AS text FROM n" db'
	same 3 "$status"
	prints "imported 2 of 3"
	says "db:2: text: wanted at most 1048576 bytes"
}

@test "B19: bytes that are not UTF-8, in every format, by line" {
	for format in $text_formats; do
		turn=0
		for b in $'\xc0\xaf' $'\xed\xa0\x80' $'\xf4\x90\x80\x80' $'\xff' $'abc\xe2\x82'; do
			turn=$((turn + 1))
			printf 'good %s\nbad %s\ngood too %s\n' $turn "$b" $turn | as "$format" >in
			imports "$format" 3 in
			prints "imported 2 of 3: 0 already known, 1 rejected"
			says "in:"
			says "UTF-8"
		done
		same 10 "$(texts_of "$format" | wc -l)"
	done
	sqlite3 db "CREATE TABLE n(t); INSERT INTO n VALUES('good'), (CAST(x'62ff' AS TEXT)), ('too')"
	exits 3 engram-store --space=sqlite --create --import=sqlite --query="SELECT t AS text FROM n" db
	says "db:2: text: byte 1: not UTF-8"
}

@test "B20: NUL inside, in every format" {
	for format in $text_formats; do
		printf 'good\nnu@l\nlast\n' | as "$format" | tr '@' '\0' >in
		imports "$format" 3 in
		prints "imported 2 of 3: 0 already known, 1 rejected"
		same $'good\nlast' "$(texts_of "$format")"
	done
	sqlite3 db "CREATE TABLE n(t); INSERT INTO n VALUES('good'), ('nu' || char(0) || 'l'), ('last')"
	exits 3 engram-store --space=sqlite --create --import=sqlite --query="SELECT t AS text FROM n" db
	says "db:2: text: "
}

@test "B25: CRLF, no final newline and a byte-order mark, in every format" {
	for format in $text_formats; do
		printf 'one\ntwo\nthree\n' | as "$format" | sed 's/$/\r/' | head -c -2 >in
		imports "$format" 0 in
		same $'one\nthree\ntwo' "$(texts_of "$format")"
		{ printf '\xef\xbb\xbf' && printf 'four\n' | as "$format"; } >in
		imports "$format" 0 in
		same $'four\none\nthree\ntwo' "$(texts_of "$format")"
	done
}

@test "B21, B26: texts that look like JSON, frames, tables and separators stay what they are" {
	{ echo '{"v":1,"type":"space"}'; printf 'EMFR\x01\x02 and \x1b[2J\n'; echo "text,key"; echo "% not alone"; } >texts
	for format in lines records tsv; do
		as "$format" <texts | { if [ $format = tsv ]; then sed 's/\x1b/\\x1b/; s/[\x01\x02]/./g'; else cat; fi; } >in
		imports "$format" 0 in
		same 4 "$(texts_of "$format" | wc -l)"
		engram-store --space="$format" --json --export >/dev/null
	done
	same "$(LC_ALL=C sort texts)" "$(texts_of lines)"
	same "$(texts_of lines)" "$(texts_of records)"
}

@test "B35: a million empty lines, in every format" {
	for format in $text_formats; do
		{ echo x | as "$format" | head -n "$([ $format = tsv ] && echo 1 || echo 0)"
		head -c 1000000 /dev/zero | tr '\0' '\n'; echo x | as "$format" | sed "$([ $format = tsv ] && echo 1d)"; } >in
		exits 0 timeout 60 engram-store --space="$format" --create --import="$format" in
		prints "imported 1 of 1"
	done
}

@test "B16: a locale with a decimal comma that the process has taken" {
	needs_plain_build
	# localedef leaves an empty locale behind where it has no sources.
	[ -e /usr/share/i18n/locales/de_DE ] || skip "no locale sources"
	command -v python3 >/dev/null || skip "no python3"
	localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 2>/dev/null || [ -d de_DE.UTF-8 ]
	printf '%s\n' '#include <locale.h>' '__attribute__((constructor)) static void take(void) { setlocale(LC_ALL, ""); }' >take.c
	"${CC:-cc}" -shared -fPIC -o take.so take.c || skip "no compiler"
	line='{"text":"one","confidence":0.5,"vector":[0.5,-1.25e-1],"embedder":"e/1/2/f32","meta":{"a":1.5}}'
	import "$line" >/dev/null
	engram-store --export | sed 1d | jq -c 'del(.id, .stored)' >wanted
	here() { LOCPATH=$PWD LC_ALL=de_DE.UTF-8 LD_PRELOAD=$PWD/take.so "$@"; }
	# It does bite those who ask it.
	same "0,5" "$(here python3 -c 'import ctypes; b = ctypes.create_string_buffer(9); ctypes.CDLL(None).sprintf(b, b"%.1f", ctypes.c_double(.5)); print(b.value.decode())')"
	printf '%s\n' "$line" >in
	exits 0 here engram-store --space=de --create --import=ndjson in
	here engram-store --space=de --export | sed 1d | jq -c 'del(.id, .stored)' >found
	cmp wanted found
	exits 0 here engram-store --confidence=0.25 two
	exits 2 here engram-store --confidence=0,25 two
	same "$(engram-recall --json --min-confidence=0.1 one)" "$(here engram-recall --json --min-confidence=0.1 one)"
	printf 'text\tconfidence\tvector\nthree\t0.5\t[0.5,1]\n' >in.tsv
	exits 0 here engram-store --import=tsv in.tsv
}

@test "F08: a full TMPDIR: --strict of a pipe is 74, and nothing is stored" {
	needs_root
	mkdir tmp
	mount -t tmpfs -o size=1m tmpfs tmp 2>/dev/null || skip "cannot mount"
	seq -f 'a line, number %g, of which there are too many for that directory' 50000 >in
	run --separate-stderr bash -c 'TMPDIR=tmp engram-store --import=lines --strict - <in'
	left=$(find tmp -type f | wc -l)
	umount tmp
	same 74 "$status"
	says "No space left on device"
	same 0 "$left"
	nothing_stored
}

@test "B34: conflicts of nothing: the line is refused, the rest of the import goes on" {
	printf '%s\n' '{"text":"x","conflicts":[{"text":"y"}]}' '{"text":"z"}' >in
	exits 3 engram-store --import=ndjson --adopt in
	says "in:1: conflicts: wanted an id or a key that they share, found none"
	prints "imported 1 of 2: 0 already known, 1 rejected"
}
