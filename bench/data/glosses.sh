#!/bin/sh
# glosses.sh - the glosses of WordNet (Debian: wordnet-base), one a line,
# examples left out, shuffled the same way each time.
#
#     bench/data/glosses.sh DIR     writes DIR/glosses
set -eu
[ $# -eq 1 ] || { echo "usage: glosses.sh DIR" >&2; exit 2; }
mkdir -p "$1"
[ ! -s "$1/glosses" ] || exit 0
cat /usr/share/wordnet/data.noun /usr/share/wordnet/data.verb /usr/share/wordnet/data.adj /usr/share/wordnet/data.adv |
	sed -n 's/^[0-9].* | //p' | sed 's/; ".*//; s/[[:space:]]*$//' |
	awk 'length($0) > 20 && !seen[$0]++' |
	LC_ALL=C shuf --random-source=/usr/share/wordnet/data.noun >"$1/glosses.part"
mv "$1/glosses.part" "$1/glosses"
