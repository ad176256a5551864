/* digest.c - the state digest, of the tables and of the raw frames on top.
 *
 * The sum of an id's old contribution leaves, that of the new one enters: the
 * same arithmetic as apply's, so the digest of a set of frames does not depend
 * on how many of them were applied. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

int eng_digest_load(eng_u128 buckets[ENG_DIGEST_BUCKETS], struct eng_txn *t, struct engram_error *err)
{
	memset(buckets, 0, ENG_DIGEST_BUCKETS * sizeof *buckets);
	for (uint32_t chunk = 0; chunk < ENG_DIGEST_BUCKETS / ENG_DIGEST_CHUNK; chunk++) {
		struct eng_bytes value;
		if (eng_txn_get(t, ENG_T_DIGEST, eng_bytes(&chunk, sizeof chunk), &value) != 1)
			continue;
		if (value.n != ENG_DIGEST_CHUNK * 16)
			return eng_err(err, ENGRAM_EDAMAGED, "state: digest: wanted %u bytes, found %zu",
			               ENG_DIGEST_CHUNK * 16, value.n);
		for (unsigned i = 0; i < ENG_DIGEST_CHUNK; i++)
			buckets[chunk * ENG_DIGEST_CHUNK + i] =
				eng_u128_decode((const uint8_t *)value.p + 16 * i);
	}
	return eng_txn_status(t, err);
}

static int exchange(struct eng_view *v, size_t i, eng_u128 *bucket, struct eng_forget_change *forgets,
                    struct eng_arena *arena, struct engram_error *err)
{
	const struct engram_id *id = &v->raw.ids[i].id;
	struct eng_bytes value;
	struct eng_item item;
	uint32_t doc;
	eng_u128 sum;
	int r = 0;

	eng_item_init(&item, id, arena);
	*forgets = (struct eng_forget_change){.id = *id};
	if (v->txn && (r = eng_txn_get(v->txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value)) == 1) {
		r = eng_item_load(&item, &doc, id, value, arena, err);
		if (r == 0)
			r = eng_item_digest(&item, &sum, err);
		if (r == 0)
			*bucket -= sum;
		forgets->old = eng_item_forgotten(&item);
	} else if (r < 0) {
		return eng_txn_status(v->txn, err);
	}
	if (r == 0)
		r = eng_raw_apply(&v->raw, i, &item, err);
	if (r == 0)
		r = eng_item_digest(&item, &sum, err);
	if (r == 0)
		*bucket += sum;
	forgets->new = eng_item_forgotten(&item);
	return r;
}

static int by_id(const void *a, const void *b)
{
	const struct eng_forget_change *x = a, *y = b;

	return eng_id_cmp(&x->id, &y->id);
}

static int exchange_all(struct eng_view *v, eng_u128 *buckets, struct eng_forget_change *changes,
                        struct engram_error *err)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->raw.nids; i++) {
		eng_arena_reset(&arena);
		r = exchange(v, i, &buckets[eng_digest_bucket(&v->raw.ids[i].id)], &changes[n], &arena, err);
		n += changes[n].old != changes[n].new;
	}
	eng_arena_free(&arena);
	if (n)
		qsort(changes, n, sizeof *changes, by_id);
	return r == 0 ? eng_edges_exchange(v->txn, &v->raw, changes, n, buckets, NULL, err) : r;
}

int eng_view_digest(struct eng_view *v, eng_u128 buckets[ENG_DIGEST_BUCKETS], struct engram_error *err)
{
	struct eng_forget_change *changes = eng_alloc((v->raw.nids + 1) * sizeof *changes);
	int r = 0;

	if (!changes)
		return eng_err_nomem(err);
	memset(buckets, 0, ENG_DIGEST_BUCKETS * sizeof *buckets);
	if (v->txn)
		r = eng_digest_load(buckets, v->txn, err);
	if (r == 0)
		r = exchange_all(v, buckets, changes, err);
	eng_free(changes);
	return r;
}

int eng_view_digest_whole(uint8_t digest[16], struct eng_view *v, struct engram_error *err)
{
	eng_u128 *buckets = eng_alloc(ENG_DIGEST_BUCKETS * sizeof *buckets);
	int r = buckets ? eng_view_digest(v, buckets, err) : eng_err_nomem(err);

	if (r == 0)
		eng_digest_fold(digest, buckets);
	eng_free(buckets);
	return r;
}

int eng_space_digest(struct engram_space *space, uint8_t digest[16], struct engram_error *err)
{
	struct eng_view v;
	int r = eng_space_check_handle(space, err);

	if (r == 0)
		r = eng_view_open(&v, space, err);
	if (r < 0)
		return r;
	r = eng_view_digest_whole(digest, &v, err);
	eng_view_close(&v);
	return r;
}
