/* test_space_exchange.c - two and three spaces that exchange frames.
 *
 * Stores write apart; their frames are carried over in random pieces, in random
 * order, some of them twice.  In the end all show the same and have the same
 * digest, whatever was applied, rebuilt or compacted on the way.
 *
 * The seed is printed; ENGRAM_TEST_SEED runs one again. */
#include "../lib/spaces.h"
#include "base/rng.h"
#include "frame/hlc.h"

enum { STORES = 3, RUNS = 6, STEPS = 60 };

static struct engram_error err;

/* -- carrying -------------------------------------------------------------------- */

static struct eng_exchange *lend(struct spaces *s)
{
	struct eng_exchange *x = NULL;

	spaces_must(eng_exchange_open(&x, s->space, true, &err), "open exchange", &err);
	return x;
}

static uint64_t seq_of(const struct eng_position *p, size_t n, const struct eng_series *series)
{
	for (size_t i = 0; i < n; i++)
		if (eng_series_cmp(&p[i].series, series) == 0)
			return p[i].seq;
	return 0;
}

/* One piece of one series that `to` lacks, from frame `from` of it on (at most one
 * behind its head): what it has already comes again.  Frames taken. */
static uint64_t carry(struct eng_exchange *to, struct eng_exchange *from, const struct eng_position *what,
                      uint64_t after, size_t bytes)
{
	struct eng_buf b = ENG_BUF_INIT;
	uint64_t taken = 0;
	size_t n;

	spaces_must(eng_exchange_read(from, &b, &n, &what->series, after, what->seq, bytes, &err), "read", &err);
	if (n)
		spaces_must(eng_exchange_receive(to, &taken, &what->series, b.p, b.n, &err), "receive", &err);
	eng_buf_free(&b);
	return taken;
}

/* Some random pieces. */
static void carry_some(struct spaces *to, struct spaces *from, struct eng_rng *rng, unsigned pieces)
{
	struct eng_exchange *x = lend(to), *y = lend(from);

	while (pieces--) {
		const struct eng_position *theirs, *mine;
		size_t n, nmine;

		spaces_must(eng_exchange_received(y, &theirs, &n, &err), "received", &err);
		spaces_must(eng_exchange_received(x, &mine, &nmine, &err), "received", &err);
		if (n) {
			const struct eng_position *p = &theirs[eng_rng_below(rng, n)];
			uint64_t head = seq_of(mine, nmine, &p->series), again = eng_rng_below(rng, 4);
			if (head <= p->seq)
				carry(x, y, p, head > again ? head - again : 0, (size_t)eng_rng_below(rng, 2000));
		}
		if (eng_rng_below(rng, 3) == 0)
			spaces_must(eng_exchange_flush(x, &err), "flush", &err);
	}
	spaces_must(eng_exchange_flush(x, &err), "flush", &err);
	eng_exchange_close(x);
	eng_exchange_close(y);
}

/* All of it. */
static void carry_all(struct spaces *to, struct spaces *from)
{
	struct eng_exchange *x = lend(to), *y = lend(from);
	const struct eng_position *theirs, *mine;
	size_t n, nmine;

	spaces_must(eng_exchange_received(y, &theirs, &n, &err), "received", &err);
	spaces_must(eng_exchange_received(x, &mine, &nmine, &err), "received", &err);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = seq_of(mine, nmine, &theirs[i].series);
		while (at < theirs[i].seq)
			at += carry(x, y, &theirs[i], at, 1 << 20);
	}
	spaces_must(eng_exchange_flush(x, &err), "flush", &err);
	eng_exchange_close(x);
	eng_exchange_close(y);
}

/* -- stores ------------------------------------------------------------------------ */

static const char *const names[STORES] = {"a", "b", "c"};

/* Of one space: the first makes it, the others take its id. */
static void begin(struct spaces *s)
{
	struct engram_space_info info;

	for (size_t i = 0; i < STORES; i++) {
		s[i] = (struct spaces){0};
		spaces_open(&s[i], names[i], ENGRAM_CREATE);
	}
	spaces_must(engram_space_info(s[0].space, &info, &err), "info", &err);
	for (size_t i = 1; i < STORES; i++)
		spaces_must(engram_space_adopt(s[i].space, &info.id, info.created_us, &err), "adopt", &err);
}

static void end(struct spaces *s)
{
	for (size_t i = 0; i < STORES; i++) {
		engram_space_close(s[i].space);
		spaces_must(engram_space_drop(s[i].home, names[i], 5000, &err), "drop", &err);
		engram_home_close(s[i].home);
	}
}

static void write_one(struct spaces *s, struct eng_rng *rng)
{
	char text[64];
	struct engram_id id;

	snprintf(text, sizeof text, "note %u of the team", (unsigned)eng_rng_below(rng, 12));
	id = spaces_put(s, text);
	if (eng_rng_below(rng, 4) == 0)
		spaces_forget(s, &id, 1);
}

static void step(struct spaces *s, struct eng_rng *rng)
{
	size_t i = eng_rng_below(rng, STORES), j = eng_rng_below(rng, STORES);

	switch (eng_rng_below(rng, 10)) {
	case 0:
		spaces_must(spaces_run(&s[i], ENGRAM_APPLY), "apply", &s[i].err);
		break;
	case 1:
		spaces_must(spaces_run(&s[i], ENGRAM_COMPACT), "compact", &s[i].err);
		break;
	case 2:
		spaces_must(spaces_run(&s[i], ENGRAM_REBUILD), "rebuild", &s[i].err);
		break;
	case 3:
	case 4:
	case 5:
		if (i != j)
			carry_some(&s[i], &s[j], rng, 1 + (unsigned)eng_rng_below(rng, 6));
		break;
	default:
		write_one(&s[i], rng);
	}
}

static void test_lives(uint64_t seed)
{
	int different = 0, unsound = 0;

	for (unsigned run = 0; run < RUNS; run++) {
		struct eng_rng rng;
		struct spaces s[STORES];
		char *first, *other;

		eng_rng_seed(&rng, seed + run);
		begin(s);
		for (unsigned i = 0; i < STEPS; i++)
			step(s, &rng);
		for (size_t i = 1; i < STORES; i++)
			carry_all(&s[0], &s[i]);
		for (size_t i = 1; i < STORES; i++)
			carry_all(&s[i], &s[0]);
		first = spaces_listing(&s[0]);
		for (size_t i = 1; i < STORES; i++) {
			other = spaces_listing(&s[i]);
			if (strcmp(first, other) != 0 && !different++)
				printf("# run %u: %s shows\n%s\n# %s shows\n%s\n", run, names[0], first, names[i], other);
			free(other);
		}
		free(first);
		for (size_t i = 0; i < STORES; i++)
			unsound += spaces_run(&s[i], ENGRAM_CHECK) != 0;
		end(s);
	}
	tap_int(different, 0, "stores that hold the same frames show the same, %d lives from seed %" PRIu64, RUNS, seed);
	tap_int(unsound, 0, "and all their files are sound");
}

int main(void)
{
	const char *given = getenv("ENGRAM_TEST_SEED");

	tmpdir_begin("exchange");
	test_lives(given ? strtoull(given, NULL, 0) : 1);
	tmpdir_end();
	return tap_done();
}
