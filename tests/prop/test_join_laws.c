/* test_join_laws.c - two stores that exchange what they have: L1 to L5, L15.
 *
 * x, y and z are what three stores know of one life, each some of its frames, in any
 * order, forgotten ones in full, as stubs or both.  x + y is x, through the bytes of
 * its state, and then the frames of y.  Equal means: the bytes of the state (places
 * included) and the digest. */
#include "laws.h"
#include "lives.h"

#include "merge/merge_int.h"

static bool same_state(struct replica *a, struct replica *b)
{
	return replica_same(a, b, replica_bytes) && replica_digest(a) == replica_digest(b);
}

/* x, then y, then z; NULL = nothing. */
static void sum(struct replica *r, const struct pick *x, const struct pick *y, const struct pick *z)
{
	replica_init(r);
	replica_take_all(r, x);
	if (y)
		replica_join(r, y);
	if (z)
		replica_join(r, z);
}

static void three(struct life *l, struct pick p[3], struct law_case *c)
{
	life_make(l, &c->g);
	for (int i = 0; i < 3; i++)
		pick_some(&p[i], l, &c->g, 2, true);
}

static void l1_idempotence(struct law_case *c)
{
	struct replica a, b;
	struct pick p[3];
	struct life l;

	three(&l, p, c);
	sum(&a, &p[0], NULL, NULL);
	sum(&b, &p[0], NULL, NULL);
	pick_shuffle(&p[0], &c->g);
	for (size_t i = 0; i < p[0].n; i++)
		law_check(c, !replica_take(&b, p[0].v[i]), "what is there changes nothing");
	law_check(c, same_state(&a, &b), "x + x = x");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

static void l2_commutativity(struct law_case *c)
{
	struct replica a, b;
	struct pick p[3];
	struct life l;

	three(&l, p, c);
	sum(&a, &p[0], &p[1], NULL);
	sum(&b, &p[1], &p[0], NULL);
	law_check(c, same_state(&a, &b), "x + y = y + x");
	law_check(c, replica_same(&a, &b, replica_reading), "x + y reads as y + x");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

static void l3_associativity(struct law_case *c)
{
	struct pick p[3], yz;
	struct replica a, b;
	struct life l;

	three(&l, p, c);
	sum(&a, &p[0], &p[1], &p[2]);
	yz = p[1];
	for (size_t i = 0; i < p[2].n; i++)
		yz.v[yz.n++] = p[2].v[i];
	pick_shuffle(&yz, &c->g);
	sum(&b, &yz, &p[0], NULL);
	law_check(c, same_state(&a, &b), "(x + y) + z = x + (y + z)");
	replica_free(&a);
	replica_free(&b);
	life_free(&l);
}

static void l4_identity(struct law_case *c)
{
	struct pick p[3], none = {.n = 0};
	struct replica a, b, d;
	struct life l;

	three(&l, p, c);
	sum(&a, &p[0], NULL, NULL);
	sum(&b, &p[0], &none, NULL);
	sum(&d, &none, &p[0], NULL);
	law_check(c, same_state(&a, &b), "x + 0 = x");
	law_check(c, same_state(&a, &d), "0 + x = x");
	replica_free(&a);
	replica_free(&b);
	replica_free(&d);
	life_free(&l);
}

static bool lists(const struct eng_dot_record *const *v, size_t n, const struct eng_dot_record *d)
{
	for (size_t i = 0; i < n; i++)
		if (eng_frame_order(v[i]->stamp, &v[i]->dot, d->stamp, &d->dot) == 0 &&
		    v[i]->header_check == d->header_check)
			return true;
	return false;
}

/* What x had and was dead is there in x + y, and dead. */
static void check_item(struct law_case *c, const struct eng_item *x, const struct eng_item *xy)
{
	struct eng_reading before, after;

	if (eng_item_read(x, &before, &c->err) < 0 || eng_item_read(xy, &after, &c->err) < 0)
		abort();
	law_check(c, before.forgotten <= after.forgotten, "what was forgotten stays forgotten");
	for (size_t i = 0, k = 0; i < x->ndots; i++) {
		const struct eng_dot_record *d = &x->dots[i];
		while (k < xy->ndots && eng_frame_order(xy->dots[k].stamp, &xy->dots[k].dot, d->stamp, &d->dot) < 0)
			k++;
		for (; k < xy->ndots && xy->dots[k].header_check != d->header_check; k++)
			;
		law_check(c, k < xy->ndots && eng_frame_order(xy->dots[k].stamp, &xy->dots[k].dot, d->stamp, &d->dot) == 0,
		          "nothing that was there goes away");
		if (d->kind == ENG_MEMORY)
			law_check(c, lists(before.live_dots, before.nlive_dots, d) ||
			                     !lists(after.live_dots, after.nlive_dots, d), "what is dead stays dead");
		if (d->kind == ENG_REVISION)
			law_check(c, lists(before.live_revisions, before.nlive_revisions, d) ||
			                     !lists(after.live_revisions, after.nlive_revisions, d),
			          "what is dead stays dead (revision)");
	}
}

static bool edge_lists(const struct eng_edge_reading *r, const struct eng_edge_dot *d)
{
	for (size_t i = 0; i < r->ndots; i++)
		if (eng_edge_dot_order(r->dots[i], d) == 0)
			return true;
	return false;
}

static void check_edge(struct law_case *c, struct replica *x, struct replica *xy, size_t at)
{
	struct eng_edge *a = &x->edges[at], *b = replica_edge(xy, &a->key);
	struct eng_edge_reading before, after;

	if (eng_edge_read(a, &before, replica_forgotten(x, &a->key), &c->err) < 0 ||
	    eng_edge_read(b, &after, replica_forgotten(xy, &b->key), &c->err) < 0)
		abort();
	for (size_t i = 0; i < a->ndots; i++)
		law_check(c, edge_lists(&before, &a->dots[i]) || !edge_lists(&after, &a->dots[i]),
		          "what is dead of an edge stays dead");
}

static void l5_monotone(struct law_case *c)
{
	struct replica x, xy;
	struct pick p[3];
	struct life l;

	three(&l, p, c);
	sum(&x, &p[0], NULL, NULL);
	sum(&xy, &p[0], &p[1], NULL);
	for (unsigned i = 0; i < LIFE_IDS; i++)
		check_item(c, &x.items[i], &xy.items[i]);
	for (size_t i = 0; i < x.nedges; i++)
		check_edge(c, &x, &xy, i);
	replica_free(&x);
	replica_free(&xy);
	life_free(&l);
}

/* Equal sets have equal digests, by any way; sets that read differently have not. */
static void l15_convergence(struct law_case *c)
{
	struct pick all, again, less;
	struct replica a, b, d;
	struct life l;

	life_make(&l, &c->g);
	pick_some(&all, &l, &c->g, 4, false);
	again = less = all;
	pick_shuffle(&again, &c->g);
	less.n--;
	sum(&a, &all, NULL, NULL);
	sum(&b, &again, NULL, NULL);
	sum(&d, &less, NULL, NULL);
	law_check(c, replica_digest(&a) == replica_digest(&b), "equal sets, equal digests");
	law_check(c, replica_same(&a, &b, replica_reading), "equal sets read equal");
	law_check(c, replica_digest(&a) != replica_digest(&d) || replica_same(&a, &d, replica_reading),
	          "what reads differently has another digest");
	replica_free(&a);
	replica_free(&b);
	replica_free(&d);
	life_free(&l);
}

static const struct law laws[] = {
	{"L1 idempotence", l1_idempotence, 1},     {"L2 commutativity", l2_commutativity, 1},
	{"L3 associativity", l3_associativity, 1}, {"L4 identity", l4_identity, 1},
	{"L5 monotone", l5_monotone, 1},           {"L15 strong convergence", l15_convergence, 1},
};

int main(int argc, char **argv)
{
#ifdef ENG_PLANTABLE
	law_plant(1, "a frame that is there is taken again", laws, ENG_COUNT(laws), law_cases(argc, argv));
	law_plant(2, "frames of equal stamp stay in the order in which they came", laws, ENG_COUNT(laws),
	          law_cases(argc, argv));
	law_plant(3, "the refs of a dead frame do not count", laws, ENG_COUNT(laws), law_cases(argc, argv));
	law_plant(4, "the digest leaves out which elements are dead", laws, ENG_COUNT(laws), law_cases(argc, argv));
	law_plant(5, "a stub replaces a full frame", laws, ENG_COUNT(laws), law_cases(argc, argv));
	return tap_done();
#else
	return laws_main(argc, argv, laws, ENG_COUNT(laws));
#endif
}
