# Vectors: supplied, made by a filter, recalled by, made later; bad filters end with 69
# and leave nothing half done.
# Variables of bats; each test is a subshell of its own.
# shellcheck disable=SC2154,SC2030,SC2031
load ../lib/engram

# A filter whose vectors count letters: likeness is spelling, and known.
counts()
{
	cat >"$BATS_TEST_TMPDIR/counts" <<'END'
#!/bin/sh
awk '{ n = split("a e i o u t s r", l, " "); v = ""
	for (k = 1; k <= n; k++) { x = $0; v = v (k > 1 ? " " : "") gsub(l[k], "", x) + 0.1 }
	print v }'
END
	chmod +x "$BATS_TEST_TMPDIR/counts"
	export ENGRAM_EMBED_COMMAND=$BATS_TEST_TMPDIR/counts ENGRAM_EMBED_NAME=counts
}

embedders() { engram-store --export | jq -r 'select(.type == "memory") | "\(.text) \(.embedder)"'; }

@test "vectors of any dimension from 2 to 4096 are kept and found; others are refused" {
	for n in 2 3 64 768 4096; do
		jq -nc --argjson n "$n" '{text: "of \($n)", vector: [range($n) | . + 1]}'
	done >in
	exits 0 engram-store --import=ndjson in
	for n in 2 3 64 768 4096; do
		jq -nc --argjson n "$n" '[range($n) | . + 1]' >cue
		exits 0 engram-recall --vector=cue -k 1
		prints "of $n"
	done
	engram-consolidate --rebuild
	exits 0 engram-recall --vector='[1,2]'
	prints "of 2"
	exits 0 engram-consolidate --check
	exits 65 engram-store --import=ndjson - <<<'{"text":"a","vector":[1]}'
	exits 65 engram-store --import=ndjson - < <(jq -nc '{text: "a", vector: [range(4097)]}')
	exits 65 engram-store --import=ndjson - <<<'{"text":"a","vector":[1,2],"embedder":"m/1/3/f32"}'
	says 'wanted 3 numbers'
	exits 65 engram-store --import=ndjson - <<<'{"text":"a","vector":[1,2],"embedder":"hash/1/512/i8"}'
}

@test "a cue's vector: JSON, file, memory, with a text; one of no embedder's dimension is 65" {
	printf '%s\n' '{"text":"north","vector":[0,1]}' '{"text":"east","vector":[1,0]}' \
		'{"vector":[-1,-1]}' '{"text":"up","vector":[1,9]}' | engram-store --import=ndjson -
	exits 0 engram-recall --vector='[0,2]' -k 1
	prints north
	exits 0 engram-recall --vector='[-3,-3]' -k 1 --json
	same '[-1,-1]' "$(head -n 1 <<<"$output" | jq -c 'select(.type == "hit") | .id' |
		xargs engram-store --json --get | jq -c .vector)"
	echo '{"vector":[2,0.1]}' >cue
	exits 0 engram-recall --vector=cue -k 1
	prints east
	id=$(engram-recall --vector='[0,1]' -k 1 | cut -f 2)
	exits 0 engram-recall --like="$id" --min-confidence=0 --mode=vector -k 1
	prints up
	exits 65 engram-recall --vector='[1,2,3]'
	says 'wanted one of unnamed (2 numbers), found 3 numbers'
	exits 65 engram-recall --vector='[1,null]'
	exits 65 engram-recall --vector='[0,0]'
	exits 66 engram-recall --vector=no-such-file
	exits 2 engram-recall --vector='[1,2]' --like="$id"
}

@test "two embedders in one space are searched each for itself" {
	printf '%s\n' '{"text":"one","vector":[1,0],"embedder":"a/1/2/f32"}' \
		'{"text":"two","vector":[1,0],"embedder":"b/1/2/f32"}' | engram-store --import=ndjson -
	for round in raw applied; do
		exits 0 engram-recall --vector="[1,0]" --embedder=a/1
		prints one
		[[ $output != *two* ]]
		exits 0 engram-recall --vector='[1,0]' --embedder=b/1/2/f32
		prints two
		exits 65 engram-recall --vector='[1,0]'
		says '2 embedders have 2 numbers'
		exits 65 engram-recall --vector='[1,0]' --embedder=c/1/2/f32
		[ $round = applied ] || engram-consolidate --rebuild
	done
}

@test "NDJSON cues: text, vector, embedder; a bad line is answered and named" {
	printf '%s\n' '{"text":"north","vector":[0,1]}' '{"text":"east","vector":[1,0]}' | engram-store --import=ndjson -
	printf '%s\n' '{"vector":[0,1]}' '{"text":"east"}' '{"vector":[1' >cues
	exits 3 engram-recall --batch --cues=ndjson --json -k 1 - <cues
	same 'north 1 east 2' "$(jq -r 'select(.type == "hit") | "\(.text) \(.cue)"' <<<"$output" | paste -sd ' ')"
	same 3 "$(jq -r 'select(.type == "summary") | .cue' <<<"$output" | wc -l)"
	says 'cue 3: byte'
}

@test "a filter's vectors are stored with the texts, and its cues find by them" {
	counts
	exits 0 engram-store "aaa aaa eee" "tttt sss rrr"
	same 2 "$(embedders | grep -c counts/1/8/f32)"
	exits 0 engram-recall "ea ae"
	same "aaa aaa eee" "$(cut -f 5 <<<"$output")"
	printf '%s\n' "ea ae" "rs" | engram-recall --batch - >out
	same "aaa aaa eee 1 tttt sss rrr 2" "$(cut -f 5,6 out | tr '\t\n' '  ' | sed 's/ $//')"
	# A line break stays in its line; a new text has a new vector.
	id=$(engram-store $'uuu\nuuu')
	exits 0 engram-store --revise "$id" "ooo"
	same '[0.1,0.1,0.1,3.1,0.1,0.1,0.1,0.1]' "$(engram-store --json --get "$id" | jq -c .vector)"
	# Storing the same again, or without the embedder, is no conflict.
	ENGRAM_EMBED_COMMAND='' engram-store "aaa aaa eee" >id
	same null "$(engram-store --json --get "$(cat id)" | jq -c .conflicts)"
	exits 0 engram-consolidate --check
}

@test "imports embed what they bring, and again nothing: known texts are not embedded" {
	counts
	seq -f '{"text":"memory number %g"}' 300 >in
	echo '{"text":"own vector","vector":[1,2]}' >>in
	exits 0 engram-store --import=ndjson in
	prints "imported 301 of 301"
	same 300 "$(embedders | grep -c counts/1/8/f32)"
	ENGRAM_EMBED_COMMAND='echo called >&2; exit 1'
	exits 0 engram-store --import=ndjson in
	prints "imported 0 of 301"
	same "" "$stderr"
}

@test "a filter that fails in any way is 69, and nothing is stored" {
	export ENGRAM_EMBED_TIMEOUT=300ms
	for filter in 'exit 3' '/no/such/program' 'kill -9 $$' 'sleep 60' 'cat >/dev/null' "sed 's/.*/1 2/'; echo 3 4" \
		'cat' "sed 's/.*/1 nan/'" "sed 's/.*/inf 1/'" "sed '2s/.*/1 2 3/;2!s/.*/1 2/'" 'yes 1' \
		"head -c 104857600 /dev/zero | tr '\\0' 1"; do
		export ENGRAM_EMBED_COMMAND=$filter
		exits 69 engram-store "first text" "second text"
		says "embedder \"${filter:0:20}"
		exits 69 engram-store - <<<$'line one\nline two'
		printf '%s\n' '{"text":"a"}' '{"text":"b"}' >in
		exits 69 engram-store --import=ndjson in
	done
	unset ENGRAM_EMBED_COMMAND
	exits 1 engram-recall "text"
	same 0 "$(engram-store --export | jq -c 'select(.type == "memory")' | wc -l)"
	# A cue, too.
	engram-store "a text"
	ENGRAM_EMBED_COMMAND='exit 3' exits 69 engram-recall text
	ENGRAM_EMBED_COMMAND='exit 3' exits 0 engram-recall --mode=text text
	ENGRAM_EMBED_COMMAND=cat ENGRAM_EMBED_NAME='a b' exits 78 engram-store x
	ENGRAM_EMBED_COMMAND=cat ENGRAM_EMBED_TIMEOUT=never exits 78 engram-store x
}

@test "without the embedder a text is compared by words and hash/1, and that is said once" {
	counts
	engram-store "aaa aaa eee" "tttt sss rrr"
	unset ENGRAM_EMBED_COMMAND
	exits 0 engram-recall "aaa eee"
	prints "aaa aaa eee"
	says "vectors of counts/1/8/f32 were not searched: no embedder is set"
	exits 0 engram-recall --batch "aaa" "eee" "aaa eee"
	same 1 "$(grep -c "not searched" <<<"$stderr")"
	exits 0 engram-recall --quiet "aaa eee"
	same "" "$stderr"
}

@test "re-embed: what lacks a vector gets one, again nothing; dry run; the digest is of the frames" {
	memories 300
	exits 78 engram-consolidate --re-embed
	counts
	exits 0 engram-consolidate --re-embed --dry-run --json
	same "300 0" "$(jq -r '"\(.lacking) \(.embedded)"' <<<"$output")"
	exits 0 engram-consolidate --re-embed
	prints $'default\tembedded\t300'
	same 300 "$(embedders | grep -c counts/1/8/f32)"
	frames=$(engram-consolidate --check --json | jq .frames)
	exits 0 engram-consolidate --re-embed
	prints $'default\tlacking\t0'
	same "$frames" "$(engram-consolidate --check --json | jq .frames)"
	# A second embedder stands beside the first; both are found by their own.
	ENGRAM_EMBED_NAME=other/2 exits 0 engram-consolidate --re-embed
	prints $'default\tembedded\t300'
	exits 0 engram-recall --vector='[0.1,2.1,0.1,1.1,0.1,0.1,0.1,1.1]' --embedder=counts/1/8/f32 --min-confidence=0
	exits 0 engram-recall --vector='[0.1,2.1,0.1,1.1,0.1,0.1,0.1,1.1]' --embedder=other/2/8/f32 --min-confidence=0
	exits 0 engram-consolidate --re-embed
	prints $'default\tlacking\t0'
	digest=$(engram-consolidate --check --json | jq -r .digest)
	engram-consolidate --rebuild
	same "$digest" "$(engram-consolidate --check --json | jq -r .digest)"
}

@test "re-embed ended anywhere: what was made stays, the rest comes with the next run" {
	seq -f 'memory %g of some' 3000 | engram-store - >/dev/null
	counts
	# Answers its first runs and dies in a later one.
	cat >dying <<'END'
#!/bin/sh
n=$(cat runs 2>/dev/null || echo 0)
echo $((n + 1)) >runs
[ "$n" -lt 1 ] || exit 9
exec ./counts
END
	chmod +x dying
	ENGRAM_EMBED_COMMAND=./dying exits 69 engram-consolidate --re-embed
	says "the next --re-embed goes on"
	made=$(embedders | grep -c counts/1/8/f32)
	[ "$made" -gt 0 ] && [ "$made" -lt 3000 ]
	exits 0 engram-consolidate --check
	# Killed, several times, at any moment.
	for pause in 0.05 0.1 0.2; do
		timeout -s KILL $pause engram-consolidate --re-embed || :
		again=$(embedders | grep -c counts/1/8/f32)
		[ "$again" -ge "$made" ]
		made=$again
	done
	exits 0 engram-consolidate --re-embed --json
	same $((3000 - made)) "$(jq .embedded <<<"$output")"
	same 3000 "$(embedders | grep -c counts/1/8/f32)"
	exits 0 engram-consolidate --check
}

@test "re-embed does not undo what others state: a text revised meanwhile, a forgotten one" {
	counts
	id=$(engram-store "aaa eee")
	gone=$(engram-store "tttt")
	engram-store --forget --yes "$gone"
	ENGRAM_EMBED_COMMAND='' engram-store --revise "$id" "iii"
	same null "$(engram-store --json --get "$id" | jq .embedder)"
	exits 0 engram-consolidate --re-embed
	prints $'default\tembedded\t1'
	same '[0.1,0.1,3.1,0.1,0.1,0.1,0.1,0.1]' "$(engram-store --json --get "$id" | jq -c .vector)"
	exits 0 engram-store --revise --clear=vector "$id"
	same null "$(engram-store --json --get "$id" | jq .embedder)"
	exits 0 engram-consolidate --compact
	exits 0 engram-consolidate --check
}

adapter() { printf '%s/share/embedders/engram-embed-%s' "${top_srcdir:-$PWD}" "$1"; }

@test "adapter: fastText with a model trained on texts" {
	command -v fasttext >/dev/null || skip "no fasttext"
	text=/usr/share/wordnet/data.noun
	[ -r $text ] || skip "no WordNet"
	grep -v '^  ' $text | sed 's/.*| //' | head -n 3000 >glosses
	fasttext skipgram -input glosses -output model -dim 20 -epoch 1 -thread 1 -bucket 20000 >/dev/null 2>&1
	ENGRAM_EMBED_COMMAND="$(adapter fasttext) $PWD/model.bin"
	export ENGRAM_EMBED_COMMAND ENGRAM_EMBED_NAME=glosses
	head -n 200 glosses | engram-store - >/dev/null
	same 200 "$(embedders | grep -c glosses/1/20/f32)"
	exits 0 engram-store $'two\nlines\\and more'
	exits 0 engram-recall -k 1 "$(head -n 50 glosses | tail -n 1)"
	exits 0 engram-consolidate --check
}

@test "adapter: llama.cpp's embedding program, by a stand-in with its options" {
	cat >llama <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do
	case $1 in
	--file) file=$2; shift ;;
	--model) [ -e "$2" ] || exit 1; shift ;;
	--embd-output-format) [ "$2" = array ] || exit 1; shift ;;
	--pooling) echo "$2" >pooling; shift ;;
	esac
	shift
done
awk '{ printf "%s[%d.5,1,%d]", (NR > 1 ? "," : "["), length($0), NF } END { print "]" }' "$file"
END
	chmod +x llama
	touch model.gguf
	ENGRAM_EMBED_COMMAND="$(adapter llama) model.gguf --pooling mean"
	export LLAMA_EMBEDDING=./llama ENGRAM_EMBED_COMMAND ENGRAM_EMBED_NAME=l
	exits 0 engram-store "one" $'two\nlines'
	same '[3.5,1,1] [9.5,1,2]' "$(engram-store --export | jq -c 'select(.vector) | .vector' | sort | paste -sd ' ')"
	same mean "$(cat pooling)"
	ENGRAM_EMBED_COMMAND="$(adapter llama) none.gguf" exits 69 engram-store x
	LLAMA_EMBEDDING=false exits 69 engram-store x
}

@test "adapter: an HTTP endpoint, by a stand-in that answers out of order" {
	python=$(command -v python3) || skip "no python3"
	command -v curl >/dev/null || skip "no curl"
	cat >server.py <<'END'
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/embeddings" or asked["model"] != "m":
            self.send_error(404)
            return
        data = [{"index": i, "embedding": [len(t), t.count("\n") + 1, t.count('"')]} for i, t in enumerate(asked["input"])]
        body = json.dumps({"data": data[::-1]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
END
	"$python" server.py >port 2>server.log 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
	export ENGRAM_EMBED_NAME=h ENGRAM_EMBED_COMMAND
	ENGRAM_EMBED_COMMAND="$(adapter http) http://127.0.0.1:$(cat port)/v1/embeddings m --noproxy 127.0.0.1"
	seq -f 'text %g' 150 | engram-store - >/dev/null
	same 150 "$(embedders | grep -c h/1/3/f32)"
	exits 0 engram-store $'say "hi"\nand \\ go'
	same '[17,2,2]' "$(engram-store --json --get "$output" | jq -c .vector)"
	ENGRAM_EMBED_COMMAND="$(adapter http) http://127.0.0.1:$(cat port)/elsewhere m --noproxy 127.0.0.1" exits 69 engram-store x
	kill $server
	wait $server || :
	exits 69 engram-store x
}
