#!/bin/bash
# make.sh DIRECTORY - the golden stores and view file, made anew by the programs in
# $PATH and those in $GOLDEN_TOOLS, `append` and `view`: the same bytes each time, for
# clock and random numbers are given.
#
#     all        two stores wrote it: every kind of frame that the programs write,
#                stubs of what was forgotten, a restored series that forked, a
#                retired one, a kind that is not known
#     critical   the same kind, critical, in the middle of a series
#     view       a view file of two graphs; view.c has the recipe
set -eu

[ $# = 1 ] || { echo "usage: make.sh DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
unset ENGRAM_HOME ENGRAM_SPACE ENGRAM_ACTOR
export XDG_CONFIG_HOME="$PWD/none" LC_ALL=C.UTF-8
at=0

# Each program a minute later, with random numbers of its own.
run() {
	at=$((at + 1))
	ENGRAM_NOW=$(printf '2026-01-01T%02d:%02d:00Z' $((at / 60)) $((at % 60))) ENGRAM_SEED=$at "$@"
}
id_of() { engram-store --home="$1" --export | jq -r --arg text "$2" 'select(.text == $text).id'; }

run engram-store --home=a --create >/dev/null
run engram-store --home=a "the harbour freezes in January" "bread keeps four days" "to be forgotten" >/dev/null
run engram-store --home=a --key=dose --confidence=0.9 --tag=care --occurred=2025-12-24 --source=leaflet \
	--actor=ada --meta='{"page":3}' --valid-until=2027-01-01 "two a day" >/dev/null
harbour=$(id_of a "the harbour freezes in January")
bread=$(id_of a "bread keeps four days")
gone=$(id_of a "to be forgotten")
run engram-store --home=a --revise "$bread" --confidence=0.5 --tag=kitchen "bread keeps three days" >/dev/null
run engram-store --home=a --link "$harbour" "$bread" --relation=cites --weight=0.5 >/dev/null
at=$((at + 120)) # what was stored within the hour counts as used
run engram-recall --home=a --learn --feedback="$harbour"=yes "harbour bread" >/dev/null
printf '{"text":"with a vector","vector":[1,0.5,-0.25,0],"embedder":"golden/1"}\n' |
	run engram-store --home=a --import=ndjson --quiet -

run engram-store --home=b --create >/dev/null
run engram-shipwal --home=a sync local:b >/dev/null
run engram-store --home=b "what the other store wrote" >/dev/null
run engram-store --home=b --key=dose "three a day" >/dev/null
run engram-store --home=a --key=dose "one a day" >/dev/null
run engram-store --home=a --forget --yes "$gone" 2>/dev/null
run engram-store --home=a --new-series "a second series, so that the first is sealed" >/dev/null
run engram-consolidate --home=a --compact >/dev/null
run "$GOLDEN_TOOLS/append" a/spaces/default 77
run engram-shipwal --home=a sync local:b >/dev/null
run engram-store --home=a "behind a kind that is not known" >/dev/null
run engram-shipwal --home=a sync local:b >/dev/null

# The log of b as it was a while ago, in place: its marks cannot tell, so it writes
# another frame of a number that a has already.
cp -R b/spaces/default/log kept
run engram-store --home=b "one future" >/dev/null
run engram-shipwal --home=a sync local:b >/dev/null
(cd kept && find . -type f -exec sh -c 'cat "$1" >"../b/spaces/default/log/$1"' - {} \;)
rm -rf kept b/spaces/default/CURRENT b/spaces/default/state.* b/spaces/default/text.*
run engram-store --home=b "another future" >/dev/null
run engram-shipwal --home=a sync local:b >/dev/null 2>&1
set -- b/spaces/default/log/*
run engram-shipwal --home=a retire "${1##*/}" >/dev/null

run engram-store --home=c --create >/dev/null
run engram-store --home=c "before" >/dev/null
run "$GOLDEN_TOOLS/append" c/spaces/default 78 critical
run engram-store --home=c "behind a critical kind that is not known" >/dev/null

# What is kept: the truth.  Marks belong to a machine, the rest is derived.
keep() {
	mkdir -p "$2"
	cp "$1/spaces/default/space" "$2/"
	(cd "$1/spaces/default" && find log -name '*.wal' -exec cp --parents {} "$OLDPWD/$2/" \;)
	tar --format=ustar --sort=name --owner=0 --group=0 --mtime=@0 --mode=u=rwX,go= -cf - "$2" | gzip -9n >"$2.tar.gz"
	engram-store --home="$1" --export >"$2.ndjson"
	engram-shipwal --home="$1" position >"$2.position"
	engram-consolidate --home="$1" --check | sed -n 's/.*digest\t//p' >"$2.digest"
	rm -r "$2"
}
keep a all
keep c critical
rm -rf a b c none

"$GOLDEN_TOOLS/view" make view.mdb
"$GOLDEN_TOOLS/view" read view.mdb >view.txt
gzip -9nf view.mdb
