#!/bin/sh
# build.sh - the peers of bench/ann.c that can be had here.
#
#     bench/peers/build.sh DIR CACHE [PEER...]     prints the names of those that stand in DIR
#
#     hnswlib                  Debian: libhnswlib-dev
#     usearch, usearch-codes   headers and kernels of the npm package (bench/data/packages)
#     faiss                    Debian: libfaiss-dev
#     sqlite-vec               vec0.so of the npm package
#
# What cannot be had is left out, with a line that says why.  What stands is not
# built again.
set -eu
[ $# -ge 2 ] || { echo "usage: build.sh DIR CACHE [PEER...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" "$2"
dir=$(cd "$1" && pwd)
cache=$(cd "$2" && pwd)
shift 2
[ $# -gt 0 ] || set -- hnswlib usearch usearch-codes faiss sqlite-vec
cxx=${CXX:-c++}
flags='-O3 -march=native -std=c++17 -w'

fresh() {
	[ -n "$(find "$dir/$1" -newer "$here/peer.h" -newer "$2" 2>/dev/null)" ]
}

compile() {
	program=$1
	source=$2
	shift 2
	# shellcheck disable=SC2086 # flags are words
	fresh "$program" "$source" || $cxx $flags -o "$dir/$program" "$source" "$@" 2>"$dir/$program.log"
}

make_hnswlib() {
	compile hnswlib "$here/hnswlib.cc" -lpthread
}

# What its installation finds out too: which of its kernels this compiler can make.
# One of them picks itself at run time, by the processor.
probe_kernels() {
	while read -r kernel options; do
		# shellcheck disable=SC2086 # options are words
		${CC:-cc} $options -c -o "$dir/numkong/probe.o" \
			"$1/numkong/probes/x86_$(echo "$kernel" | tr '[:upper:]' '[:lower:]').c" 2>/dev/null && made=1 || made=0
		echo "#define NK_TARGET_$kernel $made"
	done <<-END
		HASWELL -mavx2 -mfma -mf16c
		SKYLAKE -mavx512f -mavx512bw -mavx512dq -mavx512vl
		ICELAKE -mavx512vnni -mavx512vl
		GENOA -mavx512bf16 -mavx512vl
		ALDER -mavxvnni
	END
	rm -f "$dir/numkong/probe.o"
}

make_kernels() {
	[ -s "$dir/numkong.a" ] && return
	mkdir -p "$dir/numkong" || return 1
	probe_kernels "$1" >"$dir/numkong/probes.h"
	for kernel in "$1"/numkong/c/*.c; do
		${CC:-cc} -std=c11 -O3 -w -DNK_NATIVE_F16=0 -DNK_NATIVE_BF16=0 -DNK_DYNAMIC_DISPATCH=1 \
			-include "$dir/numkong/probes.h" -I"$1/numkong/include" -c "$kernel" -o "$dir/numkong/$(basename "$kernel" .c).o" || return 1
	done 2>"$dir/numkong.log"
	ar rcs "$dir/numkong.a.part" "$dir"/numkong/*.o && mv "$dir/numkong.a.part" "$dir/numkong.a"
}

compile_usearch() {
	variant=$1
	shift
	package=$("$here/../data/fetch.sh" usearch "$cache")/package || return 1
	make_kernels "$package" && compile "$variant" "$here/usearch.cc" "$@" -DUSEARCH_USE_NUMKONG=1 \
		-DNK_DYNAMIC_DISPATCH=1 -DNK_NATIVE_F16=0 -DNK_NATIVE_BF16=0 -I"$package/include" \
		-I"$package/numkong/include" "$dir/numkong.a" -lpthread -lm
}

make_usearch() {
	compile_usearch usearch
}

make_usearch_codes() {
	compile_usearch usearch-codes -DCODES
}

make_faiss() {
	compile faiss "$here/faiss.cc" -fopenmp -lfaiss -llapack -lblas
}

make_sqlite_vec() {
	package=$("$here/../data/fetch.sh" sqlite-vec-linux-x64 "$cache")/package || return 1
	ln -sf "$package/vec0.so" "$dir/sqlite-vec"
}

for name in "$@"; do
	if "make_$(echo "$name" | tr - _)" >&2; then
		echo "$name"
	else
		echo "build.sh: $name: cannot be had here: $(tail -n 1 "$dir/$name.log" 2>/dev/null || echo 'not fetched')" >&2
	fi
done
