#!/bin/sh
# long.sh SOURCE CC - what takes too long for every change: the tarball builds and
# passes its tests from a read-only tree; the tests under AddressSanitizer and
# UBSan; what reads the bytes of other stores, fuzzed; the thread tests under
# ThreadSanitizer; the crash tests with ten times the rounds; a million cases of
# each law; 20,000 runs of the simulator, and some by two compilers; the graphs of
# 20,000 vectors by two compilers; the unit tests under valgrind.
# Each in a build directory of its own below ./long/.
set -eu

[ $# = 2 ] || { echo "usage: long.sh SOURCE CC" >&2; exit 2; }
source=$(cd "$1" && pwd)
CC=$2
export CC
jobs=$(nproc)
mkdir -p long
top=$PWD/long

die() { echo "long: $*" >&2; exit 1; }

# tree NAME CONFIGURE-ARGUMENT...: a configured and built tree in long/NAME.
tree()
{
	name=$1
	shift
	mkdir -p "$top/$name"
	(cd "$top/$name" && "$source/configure" -q "$@" && make -s -j"$jobs") >"$top/$name.log" 2>&1 ||
		{ tail -n 30 "$top/$name.log" >&2; die "$name: does not build"; }
}

# run NAME COMMAND...: in long/NAME, its output to long/NAME.log.
run()
{
	name=$1
	shift
	begin=$(date +%s)
	(cd "$top/$name" && "$@") >>"$top/$name.log" 2>&1 </dev/null ||
		{ tail -n 60 "$top/$name.log" >&2; die "$name failed: $* (log: $top/$name.log)"; }
	echo "long: $name passed in $(($(date +%s) - begin)) s"
}

tree dist
run dist make distcheck

tree asan --enable-asan CFLAGS='-O1 -g'
ASAN_OPTIONS=detect_stack_use_after_return=1 run asan make -j"$jobs" check

# LMDB maps 1 TiB, of which ThreadSanitizer has room for one: only the tests that
# start threads run here.
# What comes from other stores: 60 s each.
if command -v clang >/dev/null; then
	tree fuzz CFLAGS='-O1 -g'
	for target in frame segment session view; do
		run fuzz make fuzz FUZZ=$target FUZZ_SECONDS=60
	done
else
	echo 'long: fuzz skipped: no clang'
fi

tree tsan --enable-tsan CFLAGS='-O1 -g'
run tsan make -j"$jobs" check-threads

tree crash CFLAGS='-O2 -g'
run crash make check-crash-long
run crash make check-laws-long
run crash make check-sim
if command -v clang >/dev/null && command -v gcc >/dev/null; then
	run crash make check-sim-same
	run crash make check-index-same
else
	echo 'long: check-sim-same and check-index-same skipped: they compare gcc and clang'
fi

tree valgrind CFLAGS='-O1 -g'
run valgrind make -k -j"$jobs" check-valgrind
