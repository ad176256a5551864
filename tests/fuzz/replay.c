/* replay.c - runs a fuzz target over its corpus and seeds, and over a fixed number
 * of random changes of each: what `make check` does of fuzzing.
 *
 *     fuzz_json                  TAP; the corpus is found by $top_srcdir
 *     fuzz_json FILE...          these inputs alone, e.g. one that libFuzzer found
 *     fuzz_json --seeds DIR      writes the seeds there, for libFuzzer to start from */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

#include "../lib/tap.h"
#include "base/buf.h"
#include "base/rng.h"

#define CHANGES 10000 /* of each input: under two seconds in all */

static struct eng_rng rng;
static long inputs;

/* In a copy of exact size, so that sanitizers see a step too far. */
static void run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	if (n)
		memcpy(copy, p, n);
	FUZZ_HOLD(LLVMFuzzerTestOneInput(copy, n) == 0);
	free(copy);
}

/* One of: another byte, a flipped bit, an extreme little-endian number, a cut, a
 * piece removed, a piece doubled. */
static void change(struct eng_buf *b)
{
	static const uint64_t extremes[] = {0, 1, 7, 8, 0x7f, 0xff, 0x7fffffff, 0xffffffff, UINT64_MAX};
	size_t at = b->n ? (size_t)eng_rng_below(&rng, b->n) : 0, rest = b->n - at, size;
	uint64_t v;

	if (b->n == 0) {
		eng_buf_byte(b, (uint8_t)eng_rng_next(&rng));
		return;
	}
	switch (eng_rng_below(&rng, 6)) {
	case 0:
		b->p[at] = (uint8_t)eng_rng_next(&rng);
		break;
	case 1:
		b->p[at] ^= (uint8_t)(1u << eng_rng_below(&rng, 8));
		break;
	case 2:
		v = extremes[eng_rng_below(&rng, sizeof extremes / sizeof *extremes)];
		size = (size_t)1 << eng_rng_below(&rng, 4);
		memcpy(b->p + at, &v, size < rest ? size : rest);
		break;
	case 3:
		if (eng_rng_below(&rng, 4) == 0)
			b->n = at;
		break;
	case 4:
		size = 1 + (size_t)eng_rng_below(&rng, rest < 16 ? rest : 16);
		memmove(b->p + at, b->p + at + size, rest - size);
		b->n -= size;
		break;
	default:
		size = 1 + (size_t)eng_rng_below(&rng, rest < 16 ? rest : 16);
		eng_buf_zero(b, size);
		memmove(b->p + at + size, b->p + at, rest);
		break;
	}
}

static void run_changed(void *data, const uint8_t *p, size_t n)
{
	struct eng_buf b = ENG_BUF_INIT;

	inputs++;
	run(p, n);
	for (int i = 0; i < CHANGES; i++) {
		eng_buf_reset(&b);
		eng_buf_add(&b, p, n);
		for (uint64_t times = 1 + eng_rng_below(&rng, 3); times > 0; times--)
			change(&b);
		run(b.p, b.n);
	}
	eng_buf_free(&b);
}

static bool with_file(const char *path, fuzz_emit_fn *emit)
{
	struct eng_buf b = ENG_BUF_INIT;
	uint8_t chunk[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		return false;
	}
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		eng_buf_add(&b, chunk, n);
	fclose(f);
	emit(NULL, b.p, b.n);
	eng_buf_free(&b);
	return true;
}

static void run_corpus(void)
{
	const char *top = getenv("top_srcdir");
	char dir[3000], path[4000];
	struct dirent **entries;
	int n;

	snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/%s", top ? top : ".", fuzz_name);
	n = scandir(dir, &entries, NULL, alphasort); /* in an order that is always the same */
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			with_file(path, run_changed);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void run_once(void *data, const uint8_t *p, size_t n)
{
	run(p, n);
}

static void write_seed(void *data, const uint8_t *p, size_t n)
{
	char path[4000];
	FILE *f;

	snprintf(path, sizeof path, "%s/seed-%ld", (const char *)data, inputs++);
	f = fopen(path, "wb");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
		fuzz_seeds(write_seed, argv[2]);
		return 0;
	}
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			if (!with_file(argv[i], run_once))
				return 1;
		return 0;
	}
	eng_rng_seed(&rng, 51);
	fuzz_seeds(run_changed, NULL);
	run_corpus();
	tap_ok(inputs > 0, "%s: %ld inputs and %d changes of each (seed 51)", fuzz_name, inputs, CHANGES);
	return tap_done();
}
