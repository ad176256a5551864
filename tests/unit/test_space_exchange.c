/* test_space_exchange.c - two and three spaces that exchange frames.
 *
 * Stores write apart; their frames are carried over in random pieces, in random
 * order, some of them twice.  In the end all show the same and have the same
 * digest, whatever was applied, rebuilt or compacted on the way.
 *
 * The seed is printed; ENGRAM_TEST_SEED runs one again. */
#include "../lib/byhand.h"
#include "base/rng.h"
#include "frame/hlc.h"

enum { STORES = 3, RUNS = 6, STEPS = 60 };

/* -- carrying -------------------------------------------------------------------- */

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
				carry(x, y, p, head > again ? head - again : 0, (size_t)eng_rng_below(rng, 2000), &err);
		}
		if (eng_rng_below(rng, 3) == 0)
			spaces_must(eng_exchange_flush(x, &err), "flush", &err);
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

/* -- buckets ------------------------------------------------------------------------- */

struct summed {
	eng_u128 sum;
	struct engram_id last;
	int disorder;
};

static int sum_item(void *data, const struct engram_id *id, eng_u128 sum)
{
	struct summed *t = data;

	t->disorder += eng_id_cmp(&t->last, id) >= 0;
	t->last = *id;
	t->sum += sum;
	return 0;
}

/* Each bucket is the sum of its items, raw or applied. */
static int wrong_buckets(struct spaces *s)
{
	struct eng_exchange *x = NULL;
	eng_u128 *sums = malloc(4096 * sizeof *sums);
	int wrong = 0;

	spaces_must(eng_exchange_open(&x, s->space, false, &err), "open exchange", &err);
	spaces_must(eng_exchange_buckets(x, sums, &err), "buckets", &err);
	for (unsigned i = 0; i < 4096; i++) {
		struct summed t = {0};
		spaces_must(eng_exchange_items(x, i, sum_item, &t, &err), "items", &err);
		wrong += t.sum != sums[i] || t.disorder;
	}
	eng_exchange_close(x);
	free(sums);
	return wrong;
}

static void test_buckets(void)
{
	struct spaces s = {0};
	struct engram_id ids[6];
	struct engram_writer *w = NULL;
	char text[32];

	spaces_open(&s, "buckets", ENGRAM_CREATE);
	for (int i = 0; i < 6; i++) {
		snprintf(text, sizeof text, "memory %d", i);
		ids[i] = spaces_put(&s, text);
	}
	spaces_must(engram_writer_open(&w, s.space, 0, &err), "writer", &err);
	for (int i = 1; i < 6; i++) {
		struct engram_link l;
		enum engram_put_result put;
		engram_link_init(&l);
		l.to = ids[i];
		spaces_must(engram_link(w, &put, &ids[0], &l, 1, &err), "link", &err);
	}
	spaces_must(engram_commit(w, &err), "commit", &err);
	engram_writer_close(w);
	tap_int(wrong_buckets(&s), 0, "each bucket is the sum of its items");
	spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
	tap_int(wrong_buckets(&s), 0, "applied too");
	spaces_forget(&s, &ids[3], 1);
	tap_int(wrong_buckets(&s), 0, "and with a forget on top");
	spaces_close(&s);
}

/* -- what is refused -------------------------------------------------------------------- */

static void test_refused(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct author a, gap, other;
	size_t second;
	int wrong = 0;

	spaces_open(&s, "refused", ENGRAM_CREATE);
	a = author(&s, 0x55);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-5000), id_of(1), "one", NULL);
	second = b.n;
	lay(&b, &a, ENG_MEMORY, 0, now_and(-4000), id_of(2), "two", NULL);
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= 4;
		wrong += receive(&s, &a, &b) != ENGRAM_EINPUT;
		b.p[i] ^= 4;
	}
	tap_int(wrong, 0, "every flipped bit is refused, and nothing of the batch kept");
	for (size_t n = 1; n < b.n; n++) {
		struct eng_buf cut = {.p = b.p, .n = n};
		wrong += receive(&s, &a, &cut) != (n == second ? 0 : ENGRAM_EINPUT);
	}
	tap_int(wrong, 0, "a batch that ends inside a frame too");
	tap_int(receive(&s, &a, &b), 0, "held frames are passed over");
	tap_int(receive(&s, &a, &b), 0, "all of them");
	gap = a;
	gap.seq++;
	eng_buf_reset(&b);
	lay(&b, &gap, ENG_MEMORY, 0, now_and(-3000), id_of(3), "four", NULL);
	tap_int(receive(&s, &gap, &b), ENGRAM_EINPUT, "a gap is refused: %s", err.message);
	other = a;
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, now_and(-4500), id_of(3), "three", NULL);
	tap_int(receive(&s, &other, &b), ENGRAM_EINPUT, "a stamp that does not rise is refused: %s", err.message);
	other = a;
	other.seq = 1;
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, now_and(-4500), id_of(3), "another two", NULL);
	tap_int(receive(&s, &other, &b), ENG_EXCHANGE_FORKED, "another frame of a held number is a fork");
	tap_int(memories(&s), 2, "what was held stays");
	eng_buf_free(&b);
	spaces_close(&s);
}

/* Frames whose checks are right and that are wrong all the same. */
static void test_hostile(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_header h;
	struct author a, other, own;
	const struct eng_position *at;
	struct eng_exchange *x;
	size_t n;
	static const struct {
		const char *name;
		int64_t seq;     /* beyond the held one */
		bool resized;
		uint32_t length;
	} cases[] = {
		{"B49 a gap", 1, false, 0},
		{"B49 number 2^64-1", -3, false, 0},
		{"B49 number 0", -2, false, 0},
		{"B46 a length of 0", 0, true, 0},
		{"B46 a length of 2^32-1", 0, true, UINT32_MAX},
	};

	spaces_open(&s, "hostile", ENGRAM_CREATE);
	spaces_put(&s, "own");
	x = lend(&s);
	spaces_must(eng_exchange_received(x, &at, &n, &err), "received", &err);
	own = author(&s, 0);
	own.series = at[0].series;
	own.seq = at[0].seq;
	eng_exchange_close(x);
	a = author(&s, 0x66);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-5000), id_of(1), "one", NULL);
	tap_int(receive(&s, &a, &b), 0, "a sound frame");

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		other = a;
		other.seq += (uint64_t)cases[i].seq;
		eng_buf_reset(&b);
		lay(&b, &other, ENG_MEMORY, 0, now_and(-4000), id_of(2), "two", NULL);
		if (cases[i].resized) {
			(void)eng_header_decode(&h, b.p);
			h.payload_len = cases[i].length;
			h.payload_check = XXH3_64bits("", 0);
			eng_header_encode(b.p, &h);
		}
		tap_int(receive(&s, &a, &b), ENGRAM_EINPUT, "%s is refused: %s", cases[i].name, err.message);
	}
	other = a;
	other.prev ^= 1;
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, now_and(-4000), id_of(2), "two", NULL);
	tap_int(receive(&s, &a, &b), ENG_EXCHANGE_FORKED, "B48 another chain is a fork, and nothing of it taken");
	other = author(&s, 0x67);
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, 0, id_of(3), "of no time", NULL);
	tap_int(receive(&s, &other, &b), ENGRAM_EINPUT, "B51 a stamp of 0 is refused: %s", err.message);
	other = author(&s, 0x68);
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, UINT64_MAX, id_of(3), "of the end of time", NULL);
	tap_int(receive(&s, &other, &b), 0, "B51 the greatest stamp waits");
	tap_int(held(&s), 1, "for ever");
	other = author(&s, 0);
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, now_and(-4000), id_of(4), "of nobody", NULL);
	tap_int(receive(&s, &other, &b), 0, "B52 a series of zeros is one like any other");
	eng_buf_reset(&b);
	lay(&b, &own, ENG_MEMORY, 0, now_and(-4000), id_of(5), "of ours", NULL);
	tap_int(receive(&s, &own, &b), ENG_EXCHANGE_FORKED, "B52 the own series from a stranger is no news of it");
	other = a;
	eng_buf_reset(&b);
	lay(&b, &other, 255, 0, now_and(-4000), id_of(6), "of kind 255", NULL);
	tap_int(receive(&s, &a, &b), 0, "B53 a kind that is not known is taken");
	tap_int(memories(&s), 3, "nothing else came in");
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	spaces_close(&s);
}

/* -- the own series ------------------------------------------------------------------------ */

static void copy_home(const char *from, const char *to)
{
	char command[2048];

	snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
	if (system(command) != 0)
		printf("Bail out! %s\n", command);
}

/* The log goes back in place: inode and birth time stay, as with a snapshot of the disk. */
static void test_own(void)
{
	struct spaces s = {0}, peer = {0};
	struct engram_space_info info;
	char dir[600], kept[600];
	char command[2048];
	char *all, *other;

	spaces_open(&s, "own", ENGRAM_CREATE);
	spaces_must(engram_space_info(s.space, &info, &err), "info", &err);
	spaces_open(&peer, "peer", ENGRAM_CREATE);
	spaces_must(engram_space_adopt(peer.space, &info.id, info.created_us, &err), "adopt", &err);
	spaces_put(&s, "before");
	carry_all(&peer, &s);
	engram_space_close(s.space);
	snprintf(dir, sizeof dir, "%s/spaces/own", tmpdir_path("home"));
	snprintf(kept, sizeof kept, "%s", tmpdir_path("kept"));
	copy_home(dir, kept);
	spaces_open(&s, "own", ENGRAM_WRITE);
	spaces_put(&s, "lost with the disk");
	carry_all(&peer, &s);
	engram_space_close(s.space);
	snprintf(command, sizeof command,
	         "cd '%s' && find . -type f | while read f; do cat \"$f\" > '%s'/\"$f\"; done", kept, dir);
	if (system(command) != 0)
		printf("Bail out! %s\n", command);
	spaces_open(&s, "own", ENGRAM_WRITE);
	tap_int(memories(&s), 1, "a disk that went back in time is not noticed");
	carry_all(&s, &peer);
	tap_int(memories(&s), 2, "until a peer has what this store wrote");
	spaces_put(&s, "after");
	spaces_reopen(&s, "own", ENGRAM_WRITE);
	spaces_put(&s, "and again");
	carry_all(&peer, &s);
	carry_all(&s, &peer);
	all = spaces_listing(&s);
	other = spaces_listing(&peer);
	tap_str(other, all, "both go on, the store in a series of its own");
	tap_int(memories(&s), 4, "with all four");
	tap_int(spaces_run(&s, ENGRAM_CHECK | ENGRAM_REBUILD), 0, "sound: %s", s.err.message);
	free(all);
	free(other);
	spaces_close(&s);
	spaces_close(&peer);
}

int main(void)
{
	const char *given = getenv("ENGRAM_TEST_SEED");

	tmpdir_begin("exchange");
	test_buckets();
	test_refused();
	test_hostile();
	test_own();
	test_lives(given ? strtoull(given, NULL, 0) : 1);
	tmpdir_end();
	return tap_done();
}
