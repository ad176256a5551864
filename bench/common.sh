#!/bin/sh
# common.sh - what the scripts of bench/ share; sourced, with build set.

build=${build:?}

# libtool's wrappers are scripts; what is measured are the programs behind them.
program() {
	if [ -x "$build/.libs/$1" ]; then
		printf '%s\n' "$build/.libs/$1"
	else
		printf '%s\n' "$build/$1"
	fi
}
LD_LIBRARY_PATH=$build/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# conditions DIR ROUNDS SEED: the first line of results; DIR tells the disk.
conditions() {
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	disk=$(df --output=source,fstype "$1" | tail -n 1 | tr -s ' ')
	printf '{"v":1,"type":"conditions","cpu":"%s","cores":%s,"kernel":"%s","disk":"%s","load":"%s","rounds":%s,"seed":%s}\n' \
		"$cpu" "$(nproc)" "$(uname -r)" "$disk" "$(cut -d' ' -f1-3 /proc/loadavg)" "$2" "$3"
}

# One gloss of WordNet a line.
all_glosses() {
	cat /usr/share/wordnet/data.noun /usr/share/wordnet/data.verb /usr/share/wordnet/data.adj \
		/usr/share/wordnet/data.adv | sed -n 's/^[0-9].* | //p'
}
