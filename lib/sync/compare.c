/* compare.c - what both ends made of it.
 *
 * Equal vectors of applied frames must mean equal states: a state is a function of
 * the set of frames.  Where it is not so, the sums of 4,096 buckets and then the
 * items of the first bucket that differs name the first memory about which the two
 * stores disagree, at both ends alike. */
#include "sync/sync_int.h"

#include "merge/digest.h"

/* -- digests ----------------------------------------------------------------------- */

static int say_digest(struct eng_sync *s)
{
	struct eng_sync_digest *d = &s->stats.mine;
	uint8_t body[ENG_DIGEST_BODY];
	int r = eng_sync_stored(s, s->store.digest(s->store.ctx, d, &s->err));

	if (r < 0)
		return r;
	s->stats.held = d->held;
	memcpy(body, d->vector, 16);
	memcpy(body + 16, d->state, 16);
	eng_set64(body + 32, d->held);
	s->digest_out = true;
	return eng_sync_say(s, ENG_MSG_DIGEST, body, sizeof body);
}

int eng_sync_hear_digest(struct eng_sync *s, const uint8_t *p)
{
	memcpy(s->their_vector, p, 16);
	memcpy(s->their_state, p + 16, 16);
	s->stats.peer_held = eng_get64(p + 32);
	s->digest_in = true;
	return 0;
}

static int say_bye(struct eng_sync *s)
{
	s->phase = PHASE_BYE;
	s->bye_out = true;
	if (s->bye_in)
		s->state = ENG_SYNC_DONE;
	return eng_sync_say(s, ENG_MSG_BYE, NULL, 0);
}

int eng_sync_hear_bye(struct eng_sync *s)
{
	s->bye_in = true;
	if (s->bye_out)
		s->state = ENG_SYNC_DONE;
	return 0;
}

/* -- where they differ --------------------------------------------------------------- */

static int say_buckets(struct eng_sync *s)
{
	eng_u128 *sums = eng_alloc(ENG_DIGEST_BUCKETS * sizeof *sums);
	size_t begin;
	int r;

	if (!sums)
		return eng_err_nomem(&s->err);
	r = eng_sync_stored(s, s->store.buckets(s->store.ctx, sums, &s->err));
	s->sums = sums;
	if (r < 0)
		return r;
	begin = eng_message_begin(&s->out);
	for (unsigned i = 0; i < ENG_DIGEST_BUCKETS; i++) {
		uint8_t raw[16];
		eng_u128_encode(raw, sums[i]);
		eng_buf_add(&s->out, raw, sizeof raw);
	}
	eng_message_end(&s->out, begin, ENG_MSG_BUCKETS, 0);
	s->phase = PHASE_BUCKETS;
	return eng_sync_said(s);
}

int eng_sync_hear_buckets(struct eng_sync *s, const uint8_t *p)
{
	s->their_sums = eng_alloc(ENG_DIGEST_BUCKETS * sizeof *s->their_sums);
	if (!s->their_sums)
		return eng_err_nomem(&s->err);
	for (unsigned i = 0; i < ENG_DIGEST_BUCKETS; i++)
		s->their_sums[i] = eng_u128_decode(p + 16 * i);
	return 0;
}

static int say_items(struct eng_sync *s)
{
	const struct eng_sync_item *v;
	uint8_t sum[16];
	size_t n, begin;
	int r;

	for (s->bucket = 0; s->bucket < ENG_DIGEST_BUCKETS; s->bucket++)
		if (s->sums[s->bucket] != s->their_sums[s->bucket])
			break;
	if (s->bucket == ENG_DIGEST_BUCKETS)
		return eng_err(&s->err, ENGRAM_EINTERNAL,
		               "inconsistent: equal vectors, unequal digests, and no bucket of them differs");
	r = eng_sync_stored(s, s->store.items(s->store.ctx, &v, &n, s->bucket, &s->err));
	if (r < 0)
		return r;
	begin = eng_message_begin(&s->out);
	eng_buf_u32(&s->out, s->bucket);
	for (size_t i = 0; i < n && i < ENG_SYNC_ITEMS_MAX; i++) {
		eng_u128_encode(sum, v[i].sum);
		eng_buf_add(&s->out, v[i].id.b, sizeof v[i].id.b);
		eng_buf_add(&s->out, sum, sizeof sum);
	}
	eng_message_end(&s->out, begin, ENG_MSG_ITEMS, 0);
	s->phase = PHASE_ITEMS;
	return eng_sync_said(s);
}

static int name_item(struct eng_sync *s, const struct engram_id *id, const char *how)
{
	char text[ENGRAM_ID_TEXT + 1];

	engram_id_format(text, id);
	eng_err(&s->err, ENGRAM_EINTERNAL, "inconsistent: both stores applied the same frames, yet memory %s is %s", text,
	        how);
	eng_err_object(&s->err, text);
	eng_err_hint(&s->err, "engram-consolidate --check on both says whose derived files are wrong, --rebuild makes "
	                      "them anew");
	return s->err.code;
}

static int name_first(struct eng_sync *s)
{
	const struct eng_sync_item *mine, *theirs = s->items;
	size_t n, i;
	int c, r = eng_sync_stored(s, s->store.items(s->store.ctx, &mine, &n, s->bucket, &s->err));

	if (r < 0)
		return r;
	s->told = true; /* the peer has our items, and finds the same */
	if (s->their_bucket != s->bucket)
		return eng_sync_bad(s, "items: wanted those of bucket %u, found %u", s->bucket, s->their_bucket);
	for (i = 0; i < n && i < s->nitems; i++) {
		c = eng_id_cmp(&mine[i].id, &theirs[i].id);
		if (c != 0)
			return name_item(s, c < 0 ? &mine[i].id : &theirs[i].id,
			                 c < 0 ? "known here only" : "known to the peer only");
		if (mine[i].sum != theirs[i].sum)
			return name_item(s, &mine[i].id, "something else here than there");
	}
	if (i < n)
		return name_item(s, &mine[i].id, "known here only");
	if (i < s->nitems)
		return name_item(s, &theirs[i].id, "known to the peer only");
	return eng_err(&s->err, ENGRAM_EINTERNAL, "inconsistent: equal vectors, and bucket %u differs in no item",
	               s->bucket);
}

int eng_sync_hear_items(struct eng_sync *s, const uint8_t *p, size_t n)
{
	s->nitems = (n - 4) / ENG_ITEM_ENTRY;
	s->items = eng_alloc(s->nitems * sizeof *s->items + 1);
	if (!s->items)
		return eng_err_nomem(&s->err);
	s->their_bucket = eng_get32(p);
	for (size_t i = 0; i < s->nitems; i++) {
		memcpy(s->items[i].id.b, p + 4 + i * ENG_ITEM_ENTRY, 16);
		s->items[i].sum = eng_u128_decode(p + 4 + i * ENG_ITEM_ENTRY + 16);
	}
	return s->phase == PHASE_ITEMS ? name_first(s) : 0;
}

/* -- what comes next ------------------------------------------------------------------- */

static int judge(struct eng_sync *s)
{
	const struct eng_sync_digest *mine = &s->stats.mine;

	s->stats.compared = s->peer.state_version == s->self.state_version &&
	                    (memcmp(mine->vector, s->their_vector, 16) == 0 || ENG_PLANTED(113));
	s->stats.equal = s->stats.compared && memcmp(mine->state, s->their_state, 16) == 0;
	return s->stats.compared && !s->stats.equal ? say_buckets(s) : say_bye(s);
}

int eng_sync_compare(struct eng_sync *s)
{
	int r = 0;

	if (s->phase == PHASE_DIGESTS && s->strangers)
		return say_bye(s);
	if (s->phase == PHASE_DIGESTS && !s->digest_out)
		r = say_digest(s);
	if (r == 0 && s->phase == PHASE_DIGESTS && s->digest_in)
		r = judge(s);
	if (r == 0 && s->phase == PHASE_BUCKETS && s->their_sums)
		r = say_items(s);
	if (r == 0)
		s->whole = s->out.n; /* also if this end now fails, the other needs our items to do the same */
	if (r == 0 && s->phase == PHASE_ITEMS && s->items)
		r = name_first(s);
	return r;
}
