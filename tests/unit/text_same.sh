#!/bin/sh
# text_same.sh - words, hash/1 and scores are the same bytes from every compiler
# at every optimisation level: one digest of them all, from builds of the
# sources with gcc and clang at -O0 and -O3.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
lib=${top_srcdir:?}/lib
cat >"$dir/main.c" <<'END'
#include <stdio.h>
#include "base/hash.h"
#include "base/rng.h"
#include "text/text.h"

static uint32_t df(void *ctx, uint64_t stem) { return stem % 1000; }

int main(void)
{
	struct eng_corpus corpus = {df, NULL, 5000, 100000};
	struct eng_query q;
	struct eng_terms t = {0};
	struct eng_rng g;
	XXH3_state_t *sum = XXH3_createState();
	XXH3_64bits_reset(sum);
	eng_rng_seed(&g, 2026);
	for (int i = 0; i < 300; i++) {
		char text[400];
		int8_t codes[2][ENG_HASH1_DIM];
		uint64_t matched;
		for (size_t k = 0; k < sizeof text; k++)
			text[k] = (char)(eng_rng_below(&g, 9) ? 'a' + eng_rng_below(&g, 26) : eng_rng_next(&g));
		eng_hash1(codes[0], text, sizeof text, NULL);
		eng_hash1(codes[1], text, sizeof text / 4, &corpus);
		eng_terms_of(&t, text, sizeof text);
		eng_query_parse(&q, text, sizeof text / 4, &corpus);
		int64_t score = eng_bm25_text(&q, &t, &matched);
		XXH3_64bits_update(sum, codes, sizeof codes);
		for (size_t k = 0; k < t.n; k++) {
			XXH3_64bits_update(sum, &t.at[k].stem, sizeof t.at[k].stem);
			XXH3_64bits_update(sum, &t.at[k].count, sizeof t.at[k].count);
		}
		XXH3_64bits_update(sum, &score, sizeof score);
	}
	printf("%016llx\n", (unsigned long long)XXH3_64bits_digest(sum));
}
END
want=
n=0
for cc in gcc clang; do
	for level in -O0 '-O3 -march=native'; do
		n=$((n + 1))
		if ! command -v "$cc" >/dev/null; then
			echo "ok $n - $cc $level # SKIP not installed"
			continue
		fi
		# shellcheck disable=SC2086
		if ! "$cc" -std=gnu11 -D_GNU_SOURCE $level -I"$lib" -o "$dir/same" "$dir/main.c" \
			"$lib"/text/fold.c "$lib"/text/common.c "$lib"/text/stem.c "$lib"/text/words.c "$lib"/text/number.c \
			"$lib"/text/terms.c "$lib"/text/lexicon.c "$lib"/text/hash1.c "$lib"/text/query.c "$lib"/base/fixed.c \
			"$lib"/base/alloc.c "$lib"/base/buf.c "$lib"/base/utf8.c "$lib"/base/rng.c 2>"$dir/log"; then
			sed 's/^/# /' "$dir/log"
			echo "not ok $n - $cc $level does not compile it"
			continue
		fi
		found=$("$dir/same")
		want=${want:-$found}
		if [ "$found" = "$want" ]; then
			echo "ok $n - $cc $level: $found"
		else
			echo "not ok $n - $cc $level: wanted $want, found $found"
		fi
	done
done
echo "1..$n"
