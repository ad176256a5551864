#!/bin/sh
# demo.sh - the main job on real text: stores some 15,000 meanings of WordNet
# in a home of its own, and asks what a person would ask.  Needs the programs
# on PATH and Debian's wordnet-base; leaves nothing behind.
set -eu

wordnet=${WORDNET-/usr/share/wordnet}
here=$(cd "$(dirname "$0")" && pwd)
ENGRAM_HOME=$(mktemp -d "${TMPDIR-/tmp}/engram-demo.XXXXXX")
export ENGRAM_HOME
trap 'rm -rf "$ENGRAM_HOME"' EXIT
trap 'exit 1' HUP INT TERM

seconds() { date +%s.%N; }
since() { seconds | awk -v from="$1" '{ printf "%.2f s", $1 - from }'; }

[ -r "$wordnet/data.noun" ] || {
	echo "demo: no $wordnet/data.noun (Debian: wordnet-base)" >&2
	exit 1
}

echo "Storing: one meaning of WordNet a line, from standard input."
echo "  \$ awk -f wordnet.awk data.noun | engram-store - | wc -l"
start=$(seconds)
stored=$(awk -f "$here/wordnet.awk" "$wordnet/data.noun" | engram-store - | wc -l)
echo "  $stored"
echo "$stored memories, each durable before its id was printed: $(since "$start")"

# ask CUE [REMARK]: fails if there is no answer.
ask()
{
	printf '\n  $ engram-recall -k 2 "%s" | cut -f 1,4,5%s\n' "$1" "${2-}"
	start=$(seconds)
	answers=$(engram-recall -k 2 "$1")
	took=$(since "$start")
	echo "$answers" | cut -f 1,4,5 | cut -c 1-100 | sed 's/^/  /'
	echo "  ($took)"
}

echo
echo "Asking. An answer is: confidence, group, text."
ask "colored arc in the sky after rain"
ask "longing for the past"
ask "rinoceros with one horn" "   # misspelt"
ask "which cheese has blue veins"
ask "flightless bird of cold southern regions"
