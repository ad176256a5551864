/* test_replay_laws.c - what one store does with its log, alone and after others:
 * L6 to L14.
 *
 * The frames of a life, written by several stores, are the log; a replica is the
 * state that follows from it.  Writers of L6 to L8 look at a replica first, as
 * lib/space does, and name what they saw. */
#include "laws.h"
#include "lives.h"

static void take(struct replica *r, const struct pick *p)
{
	replica_init(r);
	replica_take_all(r, p);
}

static bool same_state(struct replica *a, struct replica *b)
{
	return replica_same(a, b, replica_bytes) && replica_digest(a) == replica_digest(b);
}

/* -- writers that look first -------------------------------------------------------- */

static eng_stamp after(const struct life *l)
{
	eng_stamp most = 0;

	for (size_t i = 0; i < l->n; i++)
		most = l->f[i].h.stamp > most ? l->f[i].h.stamp : most;
	return most + LIFE_MS;
}

static struct eng_frame *finish(struct life *l, uint8_t kind, const struct engram_id *id, const struct eng_ref *refs,
                                size_t nrefs, const char *text, uint32_t confidence)
{
	struct eng_frame *f;
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_payload_out o;
	eng_stamp stamp = after(l);

	l->nstubs = 0; /* they lie where the frame comes to lie */
	f = life_next(l, 0, kind, stamp);
	eng_payload_begin(&o, &b, id, 1, refs, nrefs, NULL);
	life_str(&o, ENG_EL_TEXT, text);
	if (confidence)
		eng_payload_u32(&o, ENG_EL_CONFIDENCE, confidence);
	eng_payload_end(&o);
	life_seal(l, f, &b);
	return f;
}

/* A revision of text and confidence by one who has seen r. */
static struct eng_frame *revise(struct life *l, struct replica *r, const struct eng_item *item)
{
	struct eng_ref refs[8 * LIFE_FRAMES];
	struct eng_winner *stated;
	size_t n, nrefs = 0;

	if (eng_item_stated(item, &stated, &n, &r->err) < 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		uint16_t field = eng_element_field(stated[i].element);
		if (field == ENG_EL_TEXT || field == ENG_EL_CONFIDENCE)
			refs[nrefs++] = (struct eng_ref){stated[i].dot->dot, stated[i].dot->header_check,
			                                 stated[i].element->index};
	}
	return finish(l, ENG_REVISION, &item->id, refs, nrefs, "revised", 77);
}

/* A store under a known key by one who has seen r. */
static struct eng_frame *upsert(struct life *l, struct replica *r, const struct eng_item *item)
{
	struct eng_ref refs[LIFE_FRAMES];
	struct eng_reading reading;
	size_t n = 0;

	if (eng_item_read(item, &reading, &r->err) < 0)
		abort();
	for (size_t i = 0; i < reading.nlive_dots; i++)
		refs[n++] = (struct eng_ref){reading.live_dots[i]->dot, reading.live_dots[i]->header_check, 0};
	for (size_t i = 0; i < reading.nlive_revisions; i++)
		refs[n++] = (struct eng_ref){reading.live_revisions[i]->dot, reading.live_revisions[i]->header_check, 0};
	return finish(l, ENG_MEMORY, &item->id, refs, n, "stored", 78);
}

static struct eng_frame *operate(struct life *l, struct replica *r, const struct eng_item *item, unsigned how)
{
	switch (how) {
	case 0:
		return revise(l, r, item);
	case 1:
		return upsert(l, r, item);
	case 2:
		return finish(l, ENG_MEMORY, &item->id, NULL, 0, "plain", 0);
	default:
		return finish(l, ENG_FORGET, &item->id, NULL, 0, NULL, 0);
	}
}

static bool is_by(const struct eng_winner *w, const struct eng_frame *f)
{
	return w->dot && w->dot->header_check == f->h.header_check && w->dot->dot.seq == f->h.seq;
}

static bool claims(const struct eng_reading *r, uint16_t field)
{
	for (size_t i = 0; i < r->nclaims; i++)
		if (r->claims[i].field == field)
			return true;
	return false;
}

/* Who writes knowing all that there is gets what it wrote; nothing is taken back. */
static void l6_inflation(struct law_case *c)
{
	unsigned how = (unsigned)eng_rng_below(&c->g, 4), at = (unsigned)eng_rng_below(&c->g, LIFE_IDS);
	struct eng_reading before, now;
	struct eng_frame *f;
	struct replica r;
	struct pick all;
	struct life l;
	size_t ndots;

	life_make(&l, &c->g);
	l.n -= l.n == LIFE_FRAMES;
	pick_some(&all, &l, &c->g, 4, false);
	take(&r, &all);
	ndots = r.items[at].ndots;
	if (eng_item_read(&r.items[at], &before, &r.err) < 0)
		abort();
	f = operate(&l, &r, &r.items[at], how);
	law_check(c, replica_take(&r, f), "an operation is a change");
	if (eng_item_read(&r.items[at], &now, &r.err) < 0)
		abort();
	law_check(c, r.items[at].ndots == ndots + 1 && now.forgotten >= before.forgotten, "nothing is taken back");
	law_check(c, now.live == (how == 3 ? false : how == 0 ? before.live : true), "live as the operation says");
	if (how == 0 && now.live)
		law_check(c, is_by(&now.text, f) && is_by(&now.confidence, f), "a revision is what is read");
	if (how == 0 && now.live)
		law_check(c, !claims(&now, ENG_EL_TEXT) && !claims(&now, ENG_EL_CONFIDENCE), "and settles its fields");
	if (how == 1)
		law_check(c, is_by(&now.text, f) && now.nlive_dots == 1 && now.nclaims == 0, "an upsert replaces all");
	if (how == 2)
		law_check(c, is_by(&now.text, f), "a plain store is what is read");
	replica_free(&r);
	life_free(&l);
}

/* The frame that an operation made does at another store what the operation did. */
static void l7_delta(struct law_case *c)
{
	unsigned how = (unsigned)eng_rng_below(&c->g, 4), at = (unsigned)eng_rng_below(&c->g, LIFE_IDS);
	struct replica a, b;
	struct eng_frame *f;
	struct pick all;
	struct life l;

	life_make(&l, &c->g);
	l.n -= l.n == LIFE_FRAMES;
	pick_some(&all, &l, &c->g, 4, false);
	take(&a, &all);
	pick_shuffle(&all, &c->g);
	take(&b, &all);
	replica_restore(&b);
	f = operate(&l, &a, &a.items[at], how);
	replica_take(&a, f);
	replica_take(&b, f);
	law_check(c, same_state(&a, &b), "the delta applied is the operation");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

/* Deltas in groups, each group in any order, one or more times, the groups too. */
static void l8_delta_groups(struct law_case *c)
{
	struct pick all, group = {.n = 0};
	struct replica a, b;
	struct life l;

	life_make(&l, &c->g);
	pick_some(&all, &l, &c->g, 4, true);
	take(&a, &all);
	pick_shuffle(&all, &c->g);
	replica_init(&b);
	for (size_t i = 0; i < all.n; i++) {
		group.v[group.n++] = all.v[i];
		if (eng_rng_below(&c->g, 3) && i + 1 < all.n)
			continue;
		for (uint64_t times = 1 + eng_rng_below(&c->g, 2); times > 0; times--) {
			pick_shuffle(&group, &c->g);
			replica_join(&b, &group);
		}
		group.n = 0;
	}
	law_check(c, same_state(&a, &b), "deltas in any groups give one state");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

/* -- logs ---------------------------------------------------------------------------- */

/* Each series in its order, the series in any: `r` gets the next frame until `most`. */
struct replay {
	const struct life *l;
	size_t next[LIFE_SERIES]; /* frames of a series, by where they stand in the life */
};

static const struct eng_frame *replay_next(struct replay *p, unsigned series)
{
	struct eng_series s = life_series(series);

	while (p->next[series] < p->l->n) {
		const struct eng_frame *f = &p->l->f[p->next[series]++];
		if (eng_series_cmp(&f->h.series, &s) == 0)
			return f;
	}
	return NULL;
}

static void replay(struct replica *r, const struct life *l, struct eng_rng *g, bool restores)
{
	struct replay p = {.l = l};
	const struct eng_frame *f;
	size_t done = 0;

	replica_init(r);
	while (done < l->n) {
		f = replay_next(&p, (unsigned)eng_rng_below(g, LIFE_SERIES));
		if (!f)
			continue;
		replica_take(r, f);
		done++;
		if (restores && eng_rng_below(g, 4) == 0)
			replica_restore(r);
	}
}

static void l9_replay(struct law_case *c)
{
	struct replica a, b;
	struct life l;

	life_make(&l, &c->g);
	replay(&a, &l, &c->g, false);
	replay(&b, &l, &c->g, false);
	law_check(c, same_state(&a, &b), "a log replayed in any interleaving gives one state");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

/* A state written out at any moment and the frames that came later. */
static void l10_snapshot(struct law_case *c)
{
	struct replica a, b;
	struct life l;

	life_make(&l, &c->g);
	replay(&a, &l, &c->g, false);
	replay(&b, &l, &c->g, true);
	law_check(c, same_state(&a, &b), "snapshot and tail are the whole log");
	law_check(c, replica_same(&a, &b, replica_reading), "and read as it");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

/* -- bytes ---------------------------------------------------------------------------- */

/* Built again from what a reader finds in it. */
static void check_frame(struct law_case *c, const struct eng_frame *f)
{
	uint8_t bytes[ENG_FRAME_HEADER], again[ENG_FRAME_HEADER];
	struct eng_ref refs[LIFE_REFS];
	struct engram_id ids[LIFE_IDS];
	struct eng_header h = f->h;
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_payload_out o;
	struct eng_elements it;
	struct eng_element e;
	struct eng_prelude p;

	eng_header_encode(bytes, &h);
	law_check(c, eng_header_decode(&h, bytes) == ENG_HEADER_OK, "a header decodes");
	eng_header_encode(again, &h);
	law_check(c, memcmp(bytes, again, sizeof bytes) == 0, "header: serialize(parse(x)) = x");
	if (eng_prelude_decode(&p, f->payload, f->h.payload_len, &c->err) < 0)
		abort();
	for (unsigned i = 0; i < p.nsubjects; i++)
		ids[i] = eng_prelude_subject(&p, i);
	for (unsigned i = 0; i < p.nrefs; i++)
		refs[i] = eng_prelude_ref(&p, i);
	eng_payload_begin(&o, &b, ids, p.nsubjects, refs, p.nrefs, p.has_run ? &p.run : NULL);
	eng_elements_begin(&it, &p, f->payload, f->h.payload_len);
	while (eng_elements_next(&it, &e) == 1)
		eng_payload_element(&o, e.type, e.p, e.n);
	eng_payload_end(&o);
	law_check(c, b.n == f->h.payload_len && memcmp(b.p, f->payload, b.n) == 0, "payload: serialize(parse(x)) = x");
	eng_buf_free(&b);
}

static void l11_parse(struct law_case *c)
{
	struct eng_buf before = ENG_BUF_INIT, now = ENG_BUF_INIT;
	struct pick all;
	struct replica r;
	struct life l;

	life_make(&l, &c->g);
	pick_some(&all, &l, &c->g, 4, true);
	take(&r, &all);
	replica_bytes(&r, &before);
	replica_restore(&r);
	replica_bytes(&r, &now);
	law_check(c, before.n == now.n && memcmp(before.p, now.p, now.n) == 0, "state: serialize(parse(x)) = x");
	for (size_t i = 0; i < l.n; i++)
		check_frame(c, &l.f[i]);
	eng_buf_free(&before);
	eng_buf_free(&now);
	replica_free(&r);
	life_free(&l);
}

/* -- collecting, forgetting -------------------------------------------------------------- */

/* What a forget condemned is removed here and not there, before or after what another
 * store has arrives. */
static void l12_collection(struct law_case *c)
{
	struct replica a, b;
	struct pick x, y;
	struct life l;

	life_make(&l, &c->g);
	pick_some(&x, &l, &c->g, 2, false);
	pick_some(&y, &l, &c->g, 2, false);
	take(&a, &x);
	take(&b, &x);
	replica_collect(&a, &l);
	law_check(c, replica_digest(&a) == replica_digest(&b), "collecting changes no digest");
	law_check(c, replica_same(&a, &b, replica_reading), "nor what is read");
	replica_join(&a, &y);
	replica_join(&b, &y);
	law_check(c, replica_digest(&a) == replica_digest(&b), "nor any digest later");
	law_check(c, replica_same(&a, &b, replica_reading), "nor anything read later");
	replica_collect(&a, &l);
	replica_collect(&b, &l);
	law_check(c, same_state(&a, &b), "collect, then merge = merge, then collect");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

static void check_gone(struct law_case *c, const struct eng_item *item)
{
	struct eng_reading r;

	if (eng_item_read(item, &r, &c->err) < 0)
		abort();
	for (size_t i = 0; i < item->ndots; i++)
		law_check(c, item->dots[i].kind != ENG_FORGET || item->dots[i].stamp <= r.forgotten, "the greatest counts");
	for (size_t i = 0; i < r.nlive_dots; i++)
		law_check(c, r.live_dots[i]->stamp > r.forgotten, "no memory lives at or below a forget");
	for (size_t i = 0; i < r.nlive_revisions; i++)
		law_check(c, r.live_revisions[i]->stamp > r.forgotten, "nor a revision");
	for (size_t i = 0; i < r.ntags; i++)
		law_check(c, r.tags[i].dot->stamp > r.forgotten, "nor a tag");
	for (size_t i = 0; i < r.nclaims; i++)
		law_check(c, !r.claims[i].by.dot || r.claims[i].by.dot->stamp > r.forgotten, "nor what others said");
	law_check(c, !r.live || !r.text.dot || r.text.dot->stamp > r.forgotten, "nor a text");
}

/* Frames older than a forget come before it, after it, and once more. */
static void l13_forget(struct law_case *c)
{
	struct eng_edge_reading e;
	struct replica r;
	struct pick all;
	struct life l;

	life_make(&l, &c->g);
	pick_some(&all, &l, &c->g, 4, false);
	take(&r, &all);
	replica_join(&r, &all);
	for (unsigned i = 0; i < LIFE_IDS; i++)
		check_gone(c, &r.items[i]);
	for (size_t i = 0; i < r.nedges; i++) {
		eng_stamp forgotten = replica_forgotten(&r, &r.edges[i].key);
		if (eng_edge_read(&r.edges[i], &e, forgotten, &r.err) < 0)
			abort();
		for (size_t k = 0; k < e.ndots; k++)
			law_check(c, e.dots[k]->stamp > forgotten, "nor a link to what was forgotten");
	}
	replica_free(&r);
	life_free(&l);
}

/* Reading says the same twice, from the bytes too, and changes nothing. */
static void l14_purity(struct law_case *c)
{
	struct replica a, b;
	struct pick all;
	struct life l;

	life_make(&l, &c->g);
	pick_some(&all, &l, &c->g, 4, false);
	take(&a, &all);
	take(&b, &all);
	law_check(c, replica_same(&a, &a, replica_reading), "read twice, read the same");
	replica_restore(&b);
	law_check(c, replica_same(&a, &b, replica_reading), "read from bytes, read the same");
	law_check(c, replica_same(&a, &b, replica_bytes), "reading changes nothing");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

static const struct law laws[] = {
	{"L6 inflation", l6_inflation, 1},        {"L7 delta", l7_delta, 1},
	{"L8 delta groups", l8_delta_groups, 1},  {"L9 log replay", l9_replay, 1},
	{"L10 snapshot and tail", l10_snapshot, 1}, {"L11 serialize(parse(x)) = x", l11_parse, 1},
	{"L12 collection is invisible", l12_collection, 1}, {"L13 forget is final", l13_forget, 1},
	{"L14 reading is pure", l14_purity, 1},
};

#ifndef ENG_PLANTABLE
/* Other compilers and levels of optimisation read the same: one number for the
 * digests and readings of 500 lives.  It changes with the generator and with what
 * frames mean, never with the machine. */
static void golden(void)
{
	XXH3_state_t *state = XXH3_createState();
	struct eng_buf text = ENG_BUF_INIT;
	char hex[17];

	XXH3_64bits_reset(state);
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct eng_rng g;
		struct replica r;
		struct pick all;
		struct life l;
		uint8_t digest[16];

		eng_rng_seed(&g, seed);
		life_make(&l, &g);
		pick_some(&all, &l, &g, 4, false);
		take(&r, &all);
		replica_reading(&r, &text);
		eng_u128_encode(digest, replica_digest(&r));
		XXH3_64bits_update(state, text.p, text.n);
		XXH3_64bits_update(state, digest, sizeof digest);
		replica_free(&r);
		life_free(&l);
	}
	snprintf(hex, sizeof hex, "%016" PRIx64, (uint64_t)XXH3_64bits_digest(state));
	tap_str(hex, "d2dfddb082e23554", "L14 reading is pure: 500 lives, by any compiler");
	XXH3_freeState(state);
	eng_buf_free(&text);
}
#endif

int main(int argc, char **argv)
{
#ifdef ENG_PLANTABLE
	uint64_t cases = law_cases(argc, argv);

	law_plant(6, "refs to elements are kept as refs to frames", laws, ENG_COUNT(laws), cases);
	law_plant(7, "collecting takes links of the millisecond of a forget", laws, ENG_COUNT(laws), cases);
	law_plant(8, "a forget spares what has its own stamp", laws, ENG_COUNT(laws), cases);
	law_plant(9, "a writer names what it saw of the newest frame only", laws, ENG_COUNT(laws), cases);
	law_plant(10, "the state does not keep that a frame is of a run", laws, ENG_COUNT(laws), cases);
	return tap_done();
#else
	golden();
	return laws_main(argc, argv, laws, ENG_COUNT(laws));
#endif
}
