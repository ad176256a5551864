/* test_sync_file.c - the messages of a session in one direction: files of frames. */
#include "../lib/failalloc.h"
#include "../lib/tap.h"

#include "../lib/talk.h"

/* One file in pieces of `most`; *used where it ended. */
static int read_file(struct modelstore *m, size_t *used, const uint8_t *p, size_t n, size_t most,
                     struct eng_sync_stats *stats, struct engram_error *err)
{
	const struct eng_sync_options o = {.mode = ENG_SYNC_FILE_IN, .take = true};
	struct eng_sync_store seam = modelstore_seam(m);
	struct eng_sync *s;
	size_t k;
	int r = eng_sync_new(&s, &o, &seam, err);

	if (r < 0)
		return r;
	for (*used = 0; r == 0 && *used < n && eng_sync_state(s) == ENG_SYNC_RUNNING; *used += k)
		r = eng_sync_input(s, &k, p + *used, n - *used < most ? n - *used : most, err);
	if (r == 0)
		r = eng_sync_input_end(s, err);
	if (stats)
		*stats = *eng_sync_stats(s);
	eng_sync_free(s);
	return r;
}

static int read_all(struct modelstore *m, const struct eng_buf *b, size_t most, struct engram_error *err)
{
	size_t used;
	int r = read_file(m, &used, b->p, b->n, most, NULL, err);

	return r == 0 && used != b->n ? ENGRAM_EINTERNAL : r;
}

static struct eng_position *position(struct modelstore *m, size_t *n)
{
	struct eng_sync_store seam = modelstore_seam(m);
	const struct eng_position *v;
	struct eng_position *copy;

	if (seam.received(seam.ctx, &v, n, NULL) != 0)
		abort();
	copy = malloc((*n + 1) * sizeof *copy);
	memcpy(copy, v, *n * sizeof *copy);
	return copy;
}

static void test_file(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2), *c = talk_store(3);
	struct eng_buf first = ENG_BUF_INIT, second = ENG_BUF_INIT, whole = ENG_BUF_INIT, both = ENG_BUF_INIT;
	struct eng_sync_stats stats;
	struct engram_error err = {0};
	struct eng_position *after;
	const char *difference;
	size_t n, used;

	talk_fill(a, "a", 50);
	tap_int(talk_file(a, &first, NULL, 0, &err), 0, "a file of all");
	tap_int(read_all(b, &first, 7, &err), 0, "is received, seven bytes at a time");
	difference = modelstore_difference(a, b);
	tap_str(difference ? difference : "none", "none", "its reader is equal");
	tap_int(read_file(b, &used, first.p, first.n, 4096, &stats, &err), 0, "received again");
	tap_ok(stats.frames_received == 0 && stats.frames_known == 50, "it brings nothing new");

	after = position(b, &n);
	talk_fill(a, "a later", 30);
	tap_int(talk_file(a, &second, after, n, &err), 0, "a file of what came since");
	tap_int(read_all(c, &second, 4096, &err), ENGRAM_EINPUT, "does not fit a store that lacks what was before: %s",
	        err.message);
	tap_int(modelstore_frames(c), 0, "and nothing of it stays");
	tap_int(read_all(b, &second, 100, &err), 0, "and fits the one that has it");
	difference = modelstore_difference(a, b);
	tap_str(difference ? difference : "none", "none", "which is equal again");
	after[0].header_check ^= 1;
	tap_ok(talk_file(a, &whole, after, n, &err) == ENGRAM_EINPUT && strstr(err.message, "wanted header check"),
	       "a position of another history is refused: %s", err.message);
	free(after);

	eng_buf_add(&both, first.p, first.n);
	eng_buf_add(&both, second.p, second.n);
	modelstore_free(c);
	c = talk_store(3);
	tap_ok(read_file(c, &used, both.p, both.n, 1000, NULL, &err) == 0 && used == first.n,
	       "of two files together the first ends where the second begins");
	tap_ok(read_file(c, &used, both.p + first.n, both.n - first.n, 1000, NULL, &err) == 0 && used == second.n,
	       "and then the second");
	difference = modelstore_difference(a, c);
	tap_str(difference ? difference : "none", "none", "both bring all");
	eng_buf_free(&first);
	eng_buf_free(&second);
	eng_buf_free(&both);
	eng_buf_free(&whole);
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(c);
}

static void test_nothing_new(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2);
	struct eng_buf all = ENG_BUF_INIT, none = ENG_BUF_INIT;
	struct engram_error err = {0};
	struct eng_position *after;
	size_t n;

	talk_fill(a, "a", 5);
	after = position(a, &n);
	tap_ok(talk_file(a, &none, after, n, &err) == 0 && none.n < 256, "a file of nothing is small");
	tap_ok(read_all(b, &none, 64, &err) == ENGRAM_EINPUT && strstr(err.message, "up to 5, found 0"),
	       "and says what it needs");
	tap_note("%s", err.message);
	tap_ok(talk_file(a, &all, NULL, 0, &err) == 0 && read_all(b, &all, 64, &err) == 0 &&
	               read_all(b, &none, 64, &err) == 0, "of one that has it");
	free(after);
	eng_buf_free(&all);
	eng_buf_free(&none);
	modelstore_free(a);
	modelstore_free(b);
}

static void test_cut(void)
{
	struct modelstore *a = talk_store(1);
	struct eng_buf all = ENG_BUF_INIT;
	struct engram_error err = {0};
	unsigned wrong = 0, lost = 0;
	uint64_t kept = 0, before = 0;

	talk_fill(a, "a", 6);
	if (talk_file(a, &all, NULL, 0, &err) != 0)
		abort();
	for (size_t at = 0; at < all.n; at++) {
		struct modelstore *b = talk_store(2);
		size_t used;

		wrong += read_file(b, &used, all.p, at, 33, NULL, &err) != ENGRAM_EINPUT || !err.message[0];
		kept = modelstore_frames(b);
		lost += kept < before;
		before = kept;
		wrong += read_all(b, &all, 4096, &err) != 0 || modelstore_difference(a, b) != NULL;
		modelstore_free(b);
	}
	tap_int(wrong, 0, "B57 a file cut at each of its %zu bytes is refused, and received when it is whole", all.n);
	tap_ok(lost == 0 && before == 6, "and each frame that came whole is kept");
	eng_buf_free(&all);
	modelstore_free(a);
}

static void test_fork_in_file(void)
{
	struct modelstore *a = talk_store(1), *b, *c;
	struct eng_buf all = ENG_BUF_INIT, back = ENG_BUF_INIT;
	struct eng_sync_stats stats;
	struct engram_error err = {0};
	const char *difference;
	size_t used;

	talk_fill(a, "common", 20);
	b = modelstore_copy(a);
	talk_fill(a, "a", 10);
	modelstore_clock(b, TALK_NOW + 1000);
	talk_fill(b, "b", 15);
	c = modelstore_copy(b);
	if (talk_file(a, &all, NULL, 0, &err) != 0)
		abort();
	tap_int(read_file(b, &used, all.p, all.n, 65536, &stats, &err), 0, "F26 a file of the other copy: %s", err.message);
	tap_ok(stats.forks == 1 && modelstore_frames(b) == 45 && modelstore_nlogs(b) == 3,
	       "the fork is found, and both branches are kept");
	tap_int(read_all(c, &all, 50, &err), 0, "the same in small pieces");
	difference = modelstore_difference(b, c);
	tap_str(difference ? difference : "none", "none", "and to the same end");
	tap_ok(talk_file(b, &back, NULL, 0, &err) == 0 && read_all(a, &back, 65536, &err) == 0,
	       "a file of that brings the first there: %s", err.message);
	difference = modelstore_difference(a, b);
	tap_str(difference ? difference : "none", "none", "equal");
	eng_buf_free(&all);
	eng_buf_free(&back);
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(c);
}

static void test_what_it_is(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2), *c = talk_store(3);
	struct eng_sync_store seam = modelstore_seam(b);
	struct eng_buf all = ENG_BUF_INIT, with = ENG_BUF_INIT;
	struct eng_sync_stats stats;
	struct engram_error err = {0};
	struct eng_sync *s;
	size_t used;

	talk_fill(a, "a", 2);
	if (talk_file(a, &all, NULL, 0, &err) != 0)
		abort();
	eng_buf_str(&with, "\r\nWelcome to host\x1b[1m!\n\nLast login: today\n");
	eng_buf_add(&with, all.p, all.n);
	tap_ok(read_file(b, &used, with.p, with.n, 5, &stats, &err) == 0 && used == with.n,
	       "B58 F30 a login banner in front is passed over");
	tap_str(stats.banner, "Welcome to host?[1m!", "and its first line kept");
	tap_int(stats.banner_bytes, with.n - all.n, "and its size");

	if (eng_sync_new(&s, &talk_both, &seam, &err) != 0)
		abort();
	tap_ok(eng_sync_input(s, &used, all.p, all.n, &err) == ENGRAM_EINPUT && strstr(err.message, "a file of frames"),
	       "a file is no peer: %s", err.message);
	eng_sync_free(s);
	if (eng_sync_new(&s, &talk_both, &seam, &err) != 0)
		abort();
	tap_ok(read_all(c, &(struct eng_buf){(uint8_t *)(uintptr_t)eng_sync_output(s).p, eng_sync_output(s).n, 0, false},
	                64, &err) == ENGRAM_EINPUT && strstr(err.message, "a peer to talk with"),
	       "and a peer no file: %s", err.message);
	eng_sync_free(s);
	tap_ok(read_file(c, &used, (const uint8_t *)"", 0, 1, NULL, &err) == ENGRAM_EINPUT && strstr(err.message, "nothing"),
	       "nothing is no file: %s", err.message);
	talk_fill(c, "c", 1);
	tap_ok(read_all(c, &all, 64, &err) == ENGRAM_EINPUT && strstr(err.message, "two different spaces"),
	       "B59 a file of another space: %s", err.message);
	eng_buf_free(&all);
	eng_buf_free(&with);
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(c);
}

/* On copies: making them allocates nothing that fails.  What was received before the
 * memory ran out stays, and a second reading brings the rest. */
static int through_file(void *data)
{
	struct modelstore *const *stores = data;
	struct modelstore *a = modelstore_copy(stores[0]), *b = modelstore_copy(stores[1]);
	struct eng_buf file = ENG_BUF_INIT;
	struct engram_error err = {0};
	int r = talk_file(a, &file, NULL, 0, &err), first = 0;

	if (r == 0 && file.failed)
		r = ENGRAM_ENOMEM; /* the file's own memory: what writes it down would fail */
	if (r == 0)
		r = first = read_all(b, &file, 64, &err);
	if (first == ENGRAM_ENOMEM && read_all(b, &file, 64, &err) == 0 && modelstore_difference(a, b))
		r = ENGRAM_EINTERNAL;
	eng_buf_free(&file);
	modelstore_free(a);
	modelstore_free(b);
	return r;
}

static void test_no_memory(void)
{
	struct modelstore *stores[2] = {talk_store(1), talk_store(2)};

	talk_fill(stores[0], "a", 20);
	talk_fill(stores[0], "b", 20);
	failalloc_each(through_file, stores, "F06 a file of frames, written and read");
	modelstore_free(stores[0]);
	modelstore_free(stores[1]);
}

int main(void)
{
	test_file();
	test_nothing_new();
	test_cut();
	test_fork_in_file();
	test_what_it_is();
	test_no_memory();
	return tap_done();
}
