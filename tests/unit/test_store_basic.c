/* test_store_basic.c - opening, transactions, walks, copies; random operations
 * against a sorted array. */
#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

#include <sys/stat.h>

#include "base/le.h"
#include "base/rng.h"
#include "store/store.h"

enum { NAMES, NUMBERS };
static const struct eng_table tables[] = {{"names", false}, {"numbers", true}};
static struct engram_error err;

#define RW (ENG_STORE_WRITE | ENG_STORE_CREATE)
/* No waiting for the disk: what is tested here is not durability. */
#define FAST (RW | ENG_STORE_BULK)

#include "../lib/stores.h"

static bool is(struct eng_bytes v, const char *text)
{
	return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* -- opening --------------------------------------------------------------------- */

static void opening(void)
{
	const char *path = tmpdir_path("open.mdb");
	struct eng_store *s, *reader;
	struct stat st;

	tap_int(open_at(&s, path, ENG_STORE_WRITE), ENGRAM_ENOFILE, "no file and no CREATE: no such file");
	tap_int(open_at(&s, path, 0), ENGRAM_ENOFILE, "nor for a reader");
	tap_ok(!there(path) && !there(tmpdir_path("open.mdb-lock")), "and nothing was made");
	tap_int(open_at(&s, path, ENG_STORE_CREATE), ENGRAM_EUSAGE, "CREATE without WRITE is a mistake");
	tap_int(open_at(&s, path, RW), 0, "CREATE makes it");
	tap_ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "with mode 0600");
	eng_store_close(s);
	unlink(tmpdir_path("open.mdb-lock"));
	tap_int(open_at(&reader, path, 0), ENGRAM_ENOFILE, "a reader without the lock file answers no such file");
	tap_ok(!there(tmpdir_path("open.mdb-lock")), "and does not make it");
	tap_ok(strstr(err.message, "open.mdb-lock") != NULL, "naming it: %s", err.message);
	tap_int(open_at(&reader, path, ENG_STORE_NOLOCK), 0, "with NOLOCK it reads");
	tap_ok(!there(tmpdir_path("open.mdb-lock")), "and still makes none");
	eng_store_close(reader);
	s = must_open(path, ENG_STORE_WRITE);
	tap_ok(there(tmpdir_path("open.mdb-lock")), "a writer makes it again");
	eng_store_close(s);
	eng_store_close(NULL);
}

static void not_a_file(void)
{
	struct eng_store *s;

	mkfifo(tmpdir_path("fifo"), 0600);
	mkdir(tmpdir_path("dir"), 0700);
	tap_ok(symlink(tmpdir_path("open.mdb"), tmpdir_path("link")) == 0, "a symbolic link");
	tap_int(open_at(&s, tmpdir_path("fifo"), ENG_STORE_WRITE), ENGRAM_EDAMAGED, "B12: a FIFO is refused, at once");
	tap_int(open_at(&s, tmpdir_path("dir"), ENG_STORE_WRITE), ENGRAM_EDAMAGED, "B12: a directory is refused");
	tap_int(open_at(&s, tmpdir_path("link"), ENG_STORE_WRITE), ENGRAM_EDAMAGED, "B10: a symbolic link is refused");
}

static void failed_create_leaves_nothing(void)
{
	static const struct eng_table wrong[] = {{"", false}};
	const char *path = tmpdir_path("failed.mdb");
	struct eng_store *s;

	tap_ok(eng_store_open(&s, eng_sys_posix(), path, RW, wrong, 1, &err) != 0, "a table without name: %s",
	       err.message);
	tap_ok(!there(path) && !there(tmpdir_path("failed.mdb-lock")), "a failed creation leaves no file");
}

static void sharing(void)
{
	static const struct eng_table other[] = {{"names", false}}, flipped[] = {{"names", true}, {"numbers", true}};
	const char *path = tmpdir_path("share.mdb");
	struct eng_store *a, *b, *c;
	struct eng_txn *t, *r;
	struct eng_bytes v;

	a = must_open(path, RW);
	tap_int(open_at(&b, path, ENG_STORE_WRITE), 0, "a second handle in the process shares the environment");
	tap_int(open_at(&c, path, 0), 0, "so does a reading one");
	r = must_begin(c, false);
	t = must_begin(b, true);
	eng_txn_put(t, NAMES, z("k"), z("v"));
	tap_int(eng_txn_commit(t, &err), 0, "one commits");
	tap_int(eng_txn_get(r, NAMES, z("k"), &v), 0, "an older snapshot of another does not see it");
	eng_txn_abort(r);
	eng_store_close(b);
	r = must_begin(a, false);
	tap_ok(eng_txn_get(r, NAMES, z("k"), &v) == 1 && is(v, "v"), "a new one does, the writer's handle being closed");
	eng_txn_abort(r);
	tap_int(eng_txn_begin(&t, c, true, &err), ENGRAM_EUSAGE, "a reading handle does not write");
	tap_int(open_at(&b, path, ENG_STORE_NOLOCK), ENGRAM_EUSAGE, "another way of locking is refused");
	tap_int(open_at(&b, path, FAST), ENGRAM_EUSAGE, "BULK beside others is refused");
	tap_int(eng_store_open(&b, eng_sys_posix(), path, 0, other, 1, &err), ENGRAM_EUSAGE, "other tables are refused");
	eng_store_close(a);
	eng_store_close(c);
	tap_int(eng_store_open(&b, eng_sys_posix(), path, 0, flipped, 2, &err), ENGRAM_EDAMAGED,
	        "a table of the other key type is damage");
	tap_int(eng_store_open(&b, eng_sys_posix(), path, ENG_STORE_WRITE, (struct eng_table[]){{"absent", false}}, 1, &err),
	        ENGRAM_EDAMAGED, "a missing table is damage: %s", err.message);
	a = must_open(path, 0);
	tap_int(open_at(&b, path, ENG_STORE_WRITE), 0, "a writer may join a reader of its process");
	t = must_begin(b, true);
	eng_txn_put(t, NAMES, z("k"), z("w"));
	tap_int(eng_txn_commit(t, &err), 0, "and write");
	eng_store_close(a);
	eng_store_close(b);
}

/* -- transactions ------------------------------------------------------------------ */

static void reading_and_writing(struct eng_store *s)
{
	struct eng_txn *t = must_begin(s, true);
	struct eng_bytes v;
	uint64_t n;
	char *p;

	eng_txn_put(t, NAMES, z("a"), z("1"));
	eng_txn_put(t, NAMES, z("a"), z("2"));
	eng_txn_put(t, NAMES, z("empty"), eng_bytes(NULL, 0));
	eng_txn_del(t, NAMES, z("absent"));
	p = eng_txn_reserve(t, NAMES, z("r"), 3);
	memcpy(p, "xyz", 3);
	tap_int(eng_txn_commit(t, &err), 0, "a run of puts and dels commits");
	t = must_begin(s, false);
	tap_ok(eng_txn_get(t, NAMES, z("a"), &v) == 1 && is(v, "2"), "the later put is read");
	tap_ok(eng_txn_get(t, NAMES, z("r"), &v) == 1 && is(v, "xyz"), "what was filled in after reserve, too");
	tap_ok(eng_txn_get(t, NAMES, z("empty"), &v) == 1 && v.n == 0, "an empty value is a value");
	tap_int(eng_txn_get(t, NAMES, z("absent"), &v), 0, "an absent key is absent");
	tap_ok(eng_txn_count(t, NAMES, &n) == 0 && n == 3, "three keys are counted");
	eng_txn_abort(t);
	t = must_begin(s, true);
	eng_txn_del(t, NAMES, z("a"));
	eng_txn_abort(t);
	t = must_begin(s, true);
	tap_int(eng_txn_get(t, NAMES, z("a"), &v), 1, "what was aborted did not happen");
	eng_txn_del(t, NAMES, z("a"));
	tap_int(eng_txn_get(t, NAMES, z("a"), &v), 0, "a deletion is seen in its transaction");
	eng_txn_commit(t, &err);
}

static void sticky(struct eng_store *s)
{
	static char big[600];
	struct eng_txn *t = must_begin(s, true);
	struct eng_bytes v;

	eng_txn_put(t, NAMES, z("before"), z("1"));
	eng_txn_put(t, NAMES, eng_bytes(big, sizeof big), z("too long a key"));
	eng_txn_put(t, NAMES, z("after"), z("1"));
	tap_ok(eng_txn_reserve(t, NAMES, z("after"), 5) == NULL, "after a failure reserve answers NULL");
	tap_ok(eng_txn_get(t, NAMES, z("before"), &v) < 0, "and get the failure");
	tap_int(eng_txn_commit(t, &err), ENGRAM_EINTERNAL, "commit answers the first failure");
	tap_ok(strstr(err.message, "names") && strstr(err.message, "put"), "naming table and act: %s", err.message);
	t = must_begin(s, false);
	tap_int(eng_txn_get(t, NAMES, z("before"), &v), 0, "and nothing of the run is there");
	eng_txn_put(t, NAMES, z("x"), z("y"));
	tap_int(eng_txn_status(t, &err), ENGRAM_EUSAGE, "a put in a reading transaction is a mistake");
	eng_txn_abort(t);
	t = must_begin(s, true);
	eng_txn_append(t, NUMBERS, eng_bytes(&(uint64_t){7}, 8), z("7"));
	eng_txn_append(t, NUMBERS, eng_bytes(&(uint64_t){6}, 8), z("6"));
	tap_int(eng_txn_commit(t, &err), ENGRAM_EINTERNAL, "an append out of order fails the commit");
}

static void checked_values(struct eng_store *s)
{
	struct eng_txn *t = must_begin(s, true);
	struct eng_bytes v;
	char copy[64];

	eng_txn_put_checked(t, NAMES, z("checked"), z("value"));
	eng_txn_put_checked(t, NAMES, z("nothing"), eng_bytes(NULL, 0));
	tap_ok(eng_txn_get_checked(t, NAMES, z("checked"), &v) == 1 && is(v, "value"), "a checked value is read");
	tap_ok(eng_txn_get_checked(t, NAMES, z("nothing"), &v) == 1 && v.n == 0, "an empty one, too");
	eng_txn_get(t, NAMES, z("checked"), &v);
	memcpy(copy, v.p, v.n);
	eng_txn_put(t, NAMES, z("moved"), eng_bytes(copy, v.n));
	copy[2] ^= 1;
	eng_txn_put(t, NAMES, z("flipped"), eng_bytes(copy, v.n));
	eng_txn_put(t, NAMES, z("short"), z("1234567"));
	tap_int(eng_txn_commit(t, &err), 0, "commit");
	for (size_t i = 0; i < 3; i++) {
		const char *key[] = {"flipped", "moved", "short"};
		t = must_begin(s, false);
		tap_int(eng_txn_get_checked(t, NAMES, z(key[i]), &v), ENGRAM_EDAMAGED, "a %s value is damage", key[i]);
		eng_txn_abort(t);
	}
}

/* -- walks --------------------------------------------------------------------------- */

static void walks(struct eng_store *s)
{
	struct eng_txn *t = must_begin(s, true);
	struct eng_walk *w;
	struct eng_bytes k, v;
	uint32_t sum = 0;

	for (uint64_t i = 10; i < 1000; i += 10)
		eng_txn_append(t, NUMBERS, eng_bytes(&i, 8), eng_bytes(&i, 8));
	tap_int(eng_walk_begin(&w, t, NUMBERS, &err), 0, "a walk begins");
	tap_ok(eng_walk_next(w, &k, &v) == 1 && eng_get64(k.p) == 10, "next from nowhere is the first key");
	tap_ok(eng_walk_seek(w, eng_bytes(&(uint64_t){255}, 8), &k, &v) == 1 && eng_get64(k.p) == 260,
	       "seek: the first key at or above, integers in their order");
	tap_ok(eng_walk_prev(w, &k, &v) == 1 && eng_get64(k.p) == 250, "prev goes back");
	tap_int(eng_walk_seek(w, eng_bytes(&(uint64_t){5000}, 8), &k, &v), 0, "seek beyond the last: the end");
	tap_int(eng_walk_next(w, &k, &v), 0, "and next stays there");
	tap_ok(eng_walk_prev(w, &k, &v) == 1 && eng_get64(k.p) == 990, "prev from the end is the last key");
	tap_ok(eng_walk_seek(w, eng_bytes(NULL, 0), &k, &v) == 1 && eng_get64(k.p) == 10, "seek to nothing: the first");
	tap_int(eng_walk_prev(w, &k, &v), 0, "prev from the first: the end");
	tap_int(eng_walk_prev(w, &k, &v), 0, "and stays there");
	tap_ok(eng_walk_next(w, &k, &v) == 1 && eng_get64(k.p) == 10, "next from before the first is the first");
	tap_ok(eng_walk_last(w, &k, &v) == 1 && eng_get64(k.p) == 990, "last");
	for (int rc = eng_walk_seek(w, eng_bytes(NULL, 0), &k, &v); rc == 1; rc = eng_walk_next(w, &k, &v)) {
		uint64_t key = eng_get64(k.p);
		sum++;
		if (key % 20 == 0)
			eng_txn_del(t, NUMBERS, eng_bytes(&key, 8));
	}
	tap_int(sum, 99, "deleting under a walk skips none");
	tap_int(eng_txn_commit(t, &err), 0, "a transaction may end before its walk");
	tap_ok(eng_walk_next(w, &k, &v) < 0, "which then answers an error");
	eng_walk_end(w);
	eng_walk_end(NULL);
}

/* -- against a model ------------------------------------------------------------------ */

enum { KEYS = 400, VALUE_MAX = 9000 };

struct model {
	uint8_t seed[KEYS];    /* 0 = absent */
	uint16_t length[KEYS];
};

static void value_of(char *out, uint8_t seed, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		out[i] = (char)(seed * 31 + i);
}

/* Keys k as 4 bytes, big-endian, so that their order is that of the model. */
static struct eng_bytes key_of(uint8_t out[4], uint32_t k)
{
	out[0] = (uint8_t)(k >> 24);
	out[1] = (uint8_t)(k >> 16);
	out[2] = (uint8_t)(k >> 8);
	out[3] = (uint8_t)k;
	return eng_bytes(out, 4);
}

static void change(struct eng_txn *t, struct model *m, struct eng_rng *g)
{
	static char value[VALUE_MAX];
	uint32_t k = (uint32_t)eng_rng_below(g, KEYS);
	uint8_t key[4];

	if (eng_rng_below(g, 3) == 0) {
		eng_txn_del(t, NAMES, key_of(key, k));
		m->seed[k] = 0;
		return;
	}
	m->seed[k] = (uint8_t)(1 + eng_rng_below(g, 255));
	m->length[k] = (uint16_t)eng_rng_below(g, eng_rng_below(g, 8) ? 200 : VALUE_MAX);
	value_of(value, m->seed[k], m->length[k]);
	eng_txn_put(t, NAMES, key_of(key, k), eng_bytes(value, m->length[k]));
}

static bool same_value(const struct model *m, uint32_t k, struct eng_bytes v)
{
	static char value[VALUE_MAX];

	value_of(value, m->seed[k], m->length[k]);
	return v.n == m->length[k] && memcmp(v.p, value, v.n) == 0;
}

/* Whether the table holds just what the model does: by get, forwards, backwards. */
static bool agrees(struct eng_txn *t, const struct model *m)
{
	struct eng_bytes k, v;
	struct eng_walk *w;
	uint8_t key[4];
	bool ok = eng_walk_begin(&w, t, NAMES, &err) == 0;

	for (uint32_t i = 0; ok && i < KEYS; i++) {
		int rc = eng_txn_get(t, NAMES, key_of(key, i), &v);
		ok = m->seed[i] ? rc == 1 && same_value(m, i, v) : rc == 0;
	}
	for (uint32_t i = 0; ok && i < KEYS; i++)
		if (m->seed[i])
			ok = eng_walk_next(w, &k, &v) == 1 && memcmp(k.p, key_of(key, i).p, 4) == 0 && same_value(m, i, v);
	ok = ok && eng_walk_next(w, &k, &v) == 0;
	for (uint32_t i = KEYS; ok && i-- > 0;)
		if (m->seed[i])
			ok = eng_walk_prev(w, &k, &v) == 1 && memcmp(k.p, key_of(key, i).p, 4) == 0;
	ok = ok && eng_walk_prev(w, &k, &v) == 0;
	eng_walk_end(w);
	return ok;
}

static void random_operations(uint64_t seed)
{
	const char *path = tmpdir_path("model.mdb");
	struct eng_store *s = must_open(path, FAST);
	static struct model now, committed;
	uint64_t used, file, short_files = 0;
	struct eng_rng g;
	long wrong = 0;

	memset(&committed, 0, sizeof committed);
	eng_rng_seed(&g, seed);
	for (int i = 0; i < 300; i++) {
		struct eng_txn *t = must_begin(s, true);
		now = committed;
		for (uint64_t n = eng_rng_below(&g, 60); n > 0; n--)
			change(t, &now, &g);
		wrong += !agrees(t, &now);
		if (eng_rng_below(&g, 5) == 0) {
			eng_txn_abort(t);
			continue;
		}
		wrong += eng_txn_commit(t, &err) != 0;
		committed = now;
		wrong += eng_store_size(s, &used, &file, &err) != 0;
		short_files += file < used;
		if (eng_rng_below(&g, 20) == 0) {
			eng_store_close(s);
			s = must_open(path, FAST);
		}
		t = must_begin(s, false);
		wrong += !agrees(t, &committed);
		eng_txn_abort(t);
	}
	tap_int(wrong, 0, "300 random transactions agree with a sorted array (seed %d)", (int)seed);
	tap_int(short_files, 0, "and no commit leaves the file shorter than its last page");
	eng_store_close(s);
	unlink(path);
	unlink(tmpdir_path("model.mdb-lock"));
}

/* -- whole files ------------------------------------------------------------------------ */

static void copying(struct eng_store *s)
{
	const char *path = tmpdir_path("copy.mdb");
	uint64_t used, file, copy_used;
	struct eng_txn *t = must_begin(s, true);
	struct eng_store *copy;
	struct eng_bytes v;
	struct stat st;

	for (uint64_t i = 1000; i < 3000; i++)
		eng_txn_put(t, NUMBERS, eng_bytes(&i, 8), z("some value that takes room"));
	eng_txn_put(t, NAMES, z("kept"), z("value"));
	eng_txn_commit(t, &err);
	t = must_begin(s, true);
	for (uint64_t i = 1000; i < 3000; i++)
		eng_txn_del(t, NUMBERS, eng_bytes(&i, 8));
	eng_txn_commit(t, &err);
	tap_int(eng_store_sync(s, &err), 0, "sync");
	tap_int(eng_store_copy(s, path, &err), 0, "a compacted copy");
	tap_int(eng_store_copy(s, path, &err), ENGRAM_EEXISTS, "not over another file");
	tap_ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "has mode 0600");
	copy = must_open(path, ENG_STORE_WRITE);
	eng_store_size(s, &used, &file, &err);
	eng_store_size(copy, &copy_used, &file, &err);
	tap_ok(copy_used < used, "and is smaller: %d of %d bytes", (int)copy_used, (int)used);
	tap_ok(file >= copy_used, "it is as long as it says");
	t = must_begin(copy, false);
	tap_ok(eng_txn_get(t, NAMES, z("kept"), &v) == 1 && is(v, "value"), "and holds what was there");
	eng_txn_abort(t);
	eng_store_close(copy);
	tap_ok(eng_store_copy(s, tmpdir_path("no/such/dir"), &err) < 0, "a copy to nowhere fails: %s", err.message);
}

/* -- memory that runs out ----------------------------------------------------------------- */

static int whole_life(void *data)
{
	struct eng_store *s = NULL, *second = NULL;
	struct eng_txn *t = NULL;
	struct eng_walk *w = NULL;
	struct eng_bytes k, v;
	int rc = open_at(&s, data, FAST);

	if (rc == 0)
		rc = open_at(&second, data, ENG_STORE_WRITE | ENG_STORE_BULK);
	if (rc == 0)
		rc = eng_txn_begin(&t, second, true, &err);
	if (rc == 0) {
		eng_txn_put(t, NAMES, z("k"), z("v"));
		rc = eng_walk_begin(&w, t, NAMES, &err);
	}
	if (rc == 0)
		rc = eng_walk_next(w, &k, &v) == 1 ? 0 : ENGRAM_EINTERNAL;
	if (rc == 0) {
		rc = eng_txn_commit(t, &err);
		t = NULL;
	}
	eng_txn_abort(t);
	eng_walk_end(w);
	eng_store_close(second);
	eng_store_close(s);
	return rc;
}

int main(void)
{
	struct eng_store *s;

	tmpdir_begin("store");
	opening();
	not_a_file();
	failed_create_leaves_nothing();
	sharing();
	s = must_open(tmpdir_path("basic.mdb"), FAST);
	reading_and_writing(s);
	sticky(s);
	checked_values(s);
	walks(s);
	copying(s);
	eng_store_close(s);
	for (uint64_t seed = 1; seed <= 4; seed++)
		random_operations(seed);
	failalloc_each(whole_life, (void *)(uintptr_t)tmpdir_path("alloc.mdb"), "the life of a store");
	tmpdir_end();
	return tap_done();
}
