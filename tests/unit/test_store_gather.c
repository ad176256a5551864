/* test_store_gather.c - tables whose puts are gathered in memory and written in the
 * order of keys: against an array, what is refused, failures. */
#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

#include "base/le.h"
#include "base/rng.h"
#include "store/store.h"

enum { NAMES, NUMBERS, PLAIN };
static const struct eng_table tables[] = {{"names", false}, {"numbers", true}, {"plain", false}};
static struct engram_error err;

#define BULK (ENG_STORE_WRITE | ENG_STORE_CREATE | ENG_STORE_BULK)

#include "../lib/stores.h"

/* -- against an array -------------------------------------------------------------- */

#define KEYS 3000

/* Values by what they were made of; 0: the key is absent. */
static uint32_t model[KEYS];

/* Keys of 2 to 14 bytes, scattered; of some pairs one is the beginning of the other, and
 * many share their first eight. */
static struct eng_bytes key_of(uint8_t out[14], uint32_t k)
{
	uint32_t mixed = k / 2 * 2654435761u;

	memset(out, (int)(mixed >> 31), 14);
	memcpy(out + (mixed >> 30 & 1 ? 8 : 0), &mixed, sizeof mixed);
	if (k % 2)
		out[12] = 7;
	return eng_bytes(out, k % 2 ? 13 : 12);
}

static struct eng_bytes value_of(uint8_t out[300], uint32_t seed)
{
	memset(out, (int)(seed & 0xff), 300);
	eng_set32(out, seed);
	return eng_bytes(out, seed % 7 == 0 ? 0 : 4 + seed % 97 * 3);
}

static bool agrees(struct eng_txn *t, uint32_t k)
{
	struct eng_bytes found = {0}, wanted;
	uint8_t key[14], value[300];
	int r = eng_txn_get(t, NAMES, key_of(key, k), &found);

	if (!model[k])
		return r == 0;
	wanted = value_of(value, model[k]);
	return r == 1 && found.n == wanted.n && (found.n == 0 || memcmp(found.p, wanted.p, found.n) == 0);
}

static void change(struct eng_txn *t, struct eng_rng *g)
{
	uint32_t k = (uint32_t)eng_rng_below(g, KEYS);
	uint8_t key[14], value[300];

	if (eng_rng_below(g, 5) == 0) {
		model[k] = 0;
		eng_txn_del(t, NAMES, key_of(key, k));
		return;
	}
	model[k] = 1 + (uint32_t)eng_rng_below(g, 100000);
	eng_txn_put(t, NAMES, key_of(key, k), value_of(value, model[k]));
}

static uint64_t present(void)
{
	uint64_t n = 0;

	for (uint32_t k = 0; k < KEYS; k++)
		n += model[k] != 0;
	return n;
}

static void random_life(uint64_t seed, size_t most)
{
	const char *path = tmpdir_path("model.mdb");
	struct eng_store *s = must_open(path, BULK);
	struct eng_rng g;
	struct eng_txn *t;
	uint64_t n = 0;
	long wrong = 0;

	memset(model, 0, sizeof model);
	eng_rng_seed(&g, seed);
	wrong += eng_store_gather(s, NAMES, most, &err) != 0;
	for (int i = 0; i < 60; i++) {
		t = must_begin(s, true);
		for (uint64_t changes = eng_rng_below(&g, 300); changes > 0; changes--) {
			change(t, &g);
			wrong += !agrees(t, (uint32_t)eng_rng_below(&g, KEYS));
		}
		wrong += eng_txn_commit(t, &err) != 0;
	}
	wrong += eng_store_sync(s, &err) != 0;
	for (int again = 0; again < 2; again++) {
		t = must_begin(s, false);
		for (uint32_t k = 0; k < KEYS; k++)
			wrong += !agrees(t, k);
		wrong += eng_txn_count(t, NAMES, &n) != 0 || n != present();
		eng_txn_abort(t);
		eng_store_close(s);
		s = must_open(path, ENG_STORE_WRITE);
	}
	tap_int(wrong, 0, "transactions gathered up to %d bytes agree with an array, %d keys in the end (seed %d)",
	        (int)most, (int)present(), (int)seed);
	eng_store_close(s);
	unlink(path);
	unlink(tmpdir_path("model.mdb-lock"));
}

/* -- what is refused ------------------------------------------------------------------ */

static int walking(struct eng_store *s, size_t table)
{
	struct eng_txn *t = must_begin(s, false);
	struct eng_walk *w = NULL;
	int r = eng_walk_begin(&w, t, table, &err);

	eng_walk_end(w);
	eng_txn_abort(t);
	return r;
}

static int counting(struct eng_store *s, size_t table)
{
	struct eng_txn *t = must_begin(s, false);
	uint64_t n;
	int r = eng_txn_count(t, table, &n);

	eng_txn_abort(t);
	return r;
}

static int appending(struct eng_store *s, size_t table)
{
	struct eng_txn *t = must_begin(s, true);

	eng_txn_append(t, table, z("a"), z("v"));
	return eng_txn_commit(t, &err);
}

static void refused(void)
{
	struct eng_store *s = must_open(tmpdir_path("lasting.mdb"), ENG_STORE_WRITE | ENG_STORE_CREATE);
	struct eng_txn *t;

	tap_int(eng_store_gather(s, NAMES, 1000, &err), ENGRAM_EUSAGE, "a store that others may have is not gathered for");
	eng_store_close(s);
	s = must_open(tmpdir_path("refused.mdb"), BULK);
	tap_int(eng_store_gather(s, NUMBERS, 1000, &err), ENGRAM_EUSAGE, "nor is a table whose keys are integers");
	tap_int(eng_store_gather(s, NAMES, 1000, &err), 0, "another one is");
	tap_int(walking(s, NAMES), ENGRAM_EUSAGE, "it is not walked meanwhile");
	tap_int(counting(s, NAMES), ENGRAM_EUSAGE, "nor counted");
	tap_int(appending(s, NAMES), ENGRAM_EUSAGE, "nor appended to");
	tap_ok(walking(s, PLAIN) == 0 && counting(s, PLAIN) == 0 && appending(s, PLAIN) == 0, "its neighbours are");
	t = must_begin(s, true);
	eng_txn_put(t, NAMES, z("k"), z("v"));
	tap_int(eng_txn_commit(t, &err), 0, "a transaction");
	tap_int(eng_store_sync(s, &err), 0, "and a sync, which ends it");
	tap_ok(walking(s, NAMES) == 0 && counting(s, NAMES) == 0, "and the table is like any other");
	eng_store_close(s);
}

static void not_committed(void)
{
	struct eng_store *s = must_open(tmpdir_path("torn.mdb"), BULK);
	struct eng_txn *t;

	eng_store_gather(s, NAMES, 1000, &err);
	t = must_begin(s, true);
	eng_txn_put(t, PLAIN, z("k"), z("v"));
	eng_txn_abort(t);
	tap_int(eng_txn_begin(&t, s, true, &err), 0, "a transaction that gathered nothing may be given up");
	eng_txn_put(t, NAMES, z("k"), z("v"));
	eng_txn_abort(t);
	tap_int(eng_txn_begin(&t, s, true, &err), ENGRAM_EUSAGE, "after one that did, the store is of no more use: %s",
	        err.message);
	tap_int(eng_store_sync(s, &err), ENGRAM_EUSAGE, "and is not synced");
	eng_store_close(s);
}

/* -- memory that runs out --------------------------------------------------------------- */

static int write_some(struct eng_store *s, uint32_t from)
{
	uint8_t key[14], value[300];
	struct eng_txn *t = NULL;
	int r = eng_txn_begin(&t, s, true, &err);

	if (r < 0)
		return r;
	for (uint32_t k = from; k < from + 40; k++)
		eng_txn_put(t, NAMES, key_of(key, k), value_of(value, 96));
	eng_txn_del(t, NAMES, key_of(key, from));
	return eng_txn_commit(t, &err);
}

static int whole_life(void *data)
{
	struct eng_store *s = NULL;
	int r = eng_store_open(&s, eng_sys_posix(), data, BULK, tables, ENG_COUNT(tables), &err);

	if (r == 0)
		r = eng_store_gather(s, NAMES, 10000, &err);
	if (r == 0)
		r = write_some(s, 0);
	if (r == 0)
		r = write_some(s, 20);
	if (r == 0)
		r = eng_store_sync(s, &err);
	eng_store_close(s);
	return r;
}

int main(void)
{
	static const size_t most[] = {1, 20000, 200000, 64 << 20};

	tmpdir_begin("store-gather");
	for (size_t i = 0; i < ENG_COUNT(most); i++)
		random_life(i + 1, most[i]);
	refused();
	not_committed();
	failalloc_each(whole_life, (void *)(uintptr_t)tmpdir_path("alloc.mdb"), "the life of a store that gathers");
	tmpdir_end();
	return tap_done();
}
