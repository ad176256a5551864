/* test_cmd_lines.c - lines against a model that splits the whole input: random
 * texts, written to a pipe in random pieces, with lines beyond the limit. */
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "common/lines.h"
#include "../lib/feed.h"
#include "../lib/tap.h"

#define LIMIT 200
#define INPUT_MAX 20000

/* A random input over few bytes, so that ends, CR and marks are frequent. */
static size_t make_input(struct eng_rng *g, char *p)
{
	size_t n = eng_rng_below(g, INPUT_MAX), at = 0;

	if (n > 3 && eng_rng_below(g, 3) == 0) {
		memcpy(p, "\xef\xbb\xbf", 3);
		at = 3;
	}
	while (at < n) {
		unsigned pick = (unsigned)eng_rng_below(g, 100);

		p[at++] = pick < 1 ? '\n' : pick < 2 ? '\r' : pick < 3 ? 0 : (char)('a' + pick % 26);
		if (pick == 50 && at + 1 < n) {
			p[at++] = '\r';
			p[at++] = '\n';
		}
	}
	return n;
}

/* What should come next, from the whole input; false at the end. */
static bool model(const char **at, const char *end, char sep, struct engram_str *line)
{
	const char *stop;

	if (*at == end)
		return false;
	stop = memchr(*at, sep, (size_t)(end - *at));
	*line = (struct engram_str){*at, (size_t)((stop ? stop : end) - *at)};
	*at = stop ? stop + 1 : end;
	if (sep == '\n' && stop && line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

/* Lines that differ from the model's. */
static int compare(const char *p, size_t n, char sep, bool wait)
{
	const char *at = p, *end = p + n;
	struct lines l;
	struct engram_str line, want;
	struct engram_error err;
	enum lines_result r;
	int wrong = 0;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	lines_open(&l, "-", sep, LIMIT, &err);
	while ((r = lines_next(&l, &line, wait, &err)) != LINES_END && wrong == 0) {
		if (r == LINES_WAIT)
			continue;
		if (!model(&at, end, sep, &want))
			wrong++;
		else if (want.n > LIMIT)
			wrong += r != LINES_LONG;
		else
			wrong += r != LINES_LINE || line.n != want.n || memcmp(line.p, want.p, line.n) != 0;
		wrong += l.stream.buf.cap > 8 * 65536;
	}
	wrong += wrong == 0 && model(&at, end, sep, &want);
	lines_close(&l);
	return wrong;
}

int main(void)
{
	static char input[INPUT_MAX + 4];
	struct eng_rng g;
	uint64_t seed = 20261121;
	int wrong = 0, rounds = 150;

	eng_rng_seed(&g, seed);
	for (int round = 0; round < rounds && wrong == 0; round++) {
		size_t n = make_input(&g, input);
		pid_t pid = feed(&g, input, n, 3000);

		wrong += compare(input, n, round % 3 ? '\n' : 0, round % 2 == 0);
		if (wrong)
			tap_note("seed %llu, round %d", (unsigned long long)seed, round);
		waitpid(pid, NULL, 0);
	}
	tap_int(wrong, 0, "%d random inputs split as the model splits them", rounds);
	return tap_done();
}
