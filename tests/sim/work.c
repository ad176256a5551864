/* work.c - what people do to a store, as frames.
 *
 * Each piece of work looks at what the node sees (all that it received and does
 * not hold back, its own frames always), builds the frame that the programs would
 * write then, and has the node append it.  The refs are what matters: an upsert
 * refs every live frame of its id, a revision the statements that it replaces, a
 * removal the adds it saw, a forget every frame it saw above its own stamp.
 *
 * A text says whose memory it is, so that one that should be gone is found by
 * looking for it. */
#include "work.h"

#include <stdio.h>

#include "base/le.h"
#include "check.h"
#include "merge/edge.h"

const char *const sim_work_names[SIM_WORKS] = {"put",      "put by key", "revise", "tag",    "untag",   "link",  "unlink",
                                               "use",      "together",   "judge",  "forget", "import", "strange",
                                               "critical"};

/* An element that nobody knows. */
#define FILLER 2000u

struct work {
	struct sim *s;
	struct sim_node *node;
	const struct sim_job *job;
	struct engram_id id;
	struct eng_arena arena;
	struct eng_item item;
	struct eng_reading reading;
	struct eng_ref refs[ENG_REFS_MAX];
	size_t nrefs;
	struct eng_buf payload;
	struct eng_payload_out o;
};

/* -- building --------------------------------------------------------------------------- */

static void add_ref(struct work *k, struct eng_dot dot, uint32_t header_check, uint32_t index)
{
	if (k->nrefs < ENG_REFS_MAX)
		k->refs[k->nrefs++] = (struct eng_ref){dot, header_check, index};
}

static void ref_dot(struct work *k, const struct eng_dot_record *d, uint32_t index)
{
	add_ref(k, d->dot, d->header_check, index);
}

static void begin(struct work *k, const struct engram_id *subjects, size_t n)
{
	eng_buf_reset(&k->payload);
	eng_payload_begin(&k->o, &k->payload, subjects, n, k->refs, k->nrefs, NULL);
}

static bool finish(struct work *k, uint8_t kind, uint8_t flags)
{
	eng_payload_end(&k->o);
	k->nrefs = 0;
	return sim_node_write(k->s, k->node, kind, flags, k->payload.p, k->payload.n);
}

static bool look(struct work *k, const struct engram_id *id)
{
	struct engram_error err;

	k->id = *id;
	eng_arena_reset(&k->arena);
	if (sim_state_item(&k->node->state, &k->item, SIM_SEEN, id, &k->arena, &err) < 0 || eng_item_read(&k->item, &k->reading, &err) < 0) {
		sim_fail(k->s, "reading", "node %u: %s", k->node->index, err.message);
		return false;
	}
	return true;
}

static void add_text(struct work *k, unsigned variant)
{
	char text[64];

	snprintf(text, sizeof text, "memory %02x%02x body %u", k->id.b[0], k->id.b[15], variant % 5);
	eng_payload_element(&k->o, ENG_EL_TEXT, text, strlen(text));
}

static void add_body(struct work *k)
{
	const struct sim_job *j = k->job;

	add_text(k, j->b);
	if (j->c & 1)
		eng_payload_u32(&k->o, ENG_EL_CONFIDENCE, 1000 * (j->c % 10));
	if (j->c & 2)
		eng_payload_element(&k->o, ENG_EL_TAG, "a", 1);
	if ((j->c & 0x1c) == 4)
		eng_payload_u64(&k->o, ENG_EL_STORED, j->c * UINT64_C(1000000));
	if (j->bulk && j->c & 32) {
		size_t n = j->b * (j->c + 1) % 200000;
		uint8_t *p = eng_payload_space(&k->o, FILLER, n);

		if (p)
			memset(p, (int)j->b, n);
	}
}

/* -- memories ------------------------------------------------------------------------------ */

/* Whoever was told that it is stored finds it here and now, and of what is
 * forgotten nothing. */
static void check_own(struct work *k, bool live)
{
	if (look(k, &k->id) && k->reading.live != live)
		sim_fail(k->s, "own", "node %u: memory %02x%02x was just %s", k->node->index, k->id.b[0], k->id.b[15],
		         live ? "stored" : "forgotten");
}

static void promise(struct work *k, eng_stamp stamp)
{
	for (unsigned i = 0; i < k->job->nids; i++)
		if (eng_id_cmp(&k->job->ids[i], &k->id) == 0)
			sim_promised(k->s, i, stamp);
}

/* Planted: what is there need not be written again. */
static bool known(struct work *k)
{
	promise(k, sim_node_next_stamp(k->s, k->node));
	return true;
}

/* Forgotten by a clock far ahead, which was set right since: whatever is stored now
 * lies below that forget.  A store that is told "stored" must not find that. */
static bool dead_at_birth(const struct work *k)
{
	return k->reading.forgotten && k->reading.forgotten >= sim_node_next_stamp(k->s, k->node) && !sim_planted(125);
}

static bool put(struct work *k)
{
	if (dead_at_birth(k))
		return false;
	if (sim_planted(130) && k->reading.live)
		return known(k);
	begin(k, &k->id, 1);
	add_body(k);
	if (!finish(k, ENG_MEMORY, 0))
		return false;
	check_own(k, true);
	if (k->reading.live)
		promise(k, k->reading.live_dots[0]->stamp);
	return true;
}

static bool put_by_key(struct work *k)
{
	for (size_t i = 0; i < k->reading.nlive_dots; i++)
		ref_dot(k, k->reading.live_dots[i], 0);
	for (size_t i = 0; i < k->reading.nlive_revisions; i++)
		ref_dot(k, k->reading.live_revisions[i], 0);
	return put(k);
}

static void ref_winner(struct work *k, const struct eng_winner *w)
{
	if (w->dot)
		ref_dot(k, w->dot, w->element->index);
}

static bool revise(struct work *k)
{
	bool text = k->job->c & 1, clear = !text && k->job->c & 2;

	if (!k->reading.live)
		return false;
	ref_winner(k, text ? &k->reading.text : &k->reading.confidence);
	begin(k, &k->id, 1);
	if (text)
		add_text(k, k->job->b);
	else if (clear)
		eng_payload_u32(&k->o, ENG_EL_CLEAR, ENG_EL_CONFIDENCE);
	else
		eng_payload_u32(&k->o, ENG_EL_CONFIDENCE, 100 * (k->job->b % 100));
	return finish(k, ENG_REVISION, 0);
}

static char tag_of(const struct work *k)
{
	return (char)('a' + k->job->b % 3);
}

static bool tag(struct work *k)
{
	char name = tag_of(k);

	if (!k->reading.live)
		return false;
	begin(k, &k->id, 1);
	eng_payload_element(&k->o, ENG_EL_TAG, &name, 1);
	return finish(k, ENG_REVISION, 0);
}

static bool untag(struct work *k)
{
	char name = tag_of(k);

	for (size_t i = 0; i < k->item.ndots && k->reading.live; i++)
		for (unsigned e = 0; e < k->item.dots[i].nelements; e++) {
			const struct eng_element *el = &k->item.dots[i].elements[e];

			if (el->type == ENG_EL_TAG && el->n == 1 && *el->p == name)
				ref_dot(k, &k->item.dots[i], el->index);
		}
	if (k->nrefs == 0)
		return false;
	begin(k, &k->id, 1);
	return finish(k, ENG_REVISION, 0);
}

/* What lies above the stamp that this frame will get is named: the clock of
 * whoever wrote that is ahead of ours. */
static bool forget(struct work *k)
{
	eng_stamp mine = sim_node_next_stamp(k->s, k->node);

	if (k->item.ndots == 0)
		return false;
	for (size_t i = 0; i < k->item.ndots; i++)
		if (k->item.dots[i].kind != ENG_FORGET && k->item.dots[i].stamp > mine && !sim_planted(126))
			ref_dot(k, &k->item.dots[i], 0);
	begin(k, &k->id, 1);
	if (!finish(k, ENG_FORGET, 0))
		return false;
	check_own(k, false);
	return true;
}

/* -- evidence ------------------------------------------------------------------------------- */

static bool use(struct work *k)
{
	if (!k->reading.live)
		return false;
	begin(k, &k->id, 1);
	return finish(k, ENG_USE, 0);
}

static bool judge(struct work *k)
{
	if (!k->reading.live)
		return false;
	begin(k, &k->id, 1);
	eng_payload_u32(&k->o, ENG_EL_VERDICT, k->job->b & 1);
	return finish(k, ENG_FEEDBACK, 0);
}

static struct engram_id other_end(const struct work *k)
{
	return k->job->ids[(k->job->a + 1 + k->job->b % (k->job->nids - 1)) % k->job->nids];
}

static bool together(struct work *k)
{
	struct engram_id ends[2] = {k->id, other_end(k)}, first = ends[0];

	if (eng_id_cmp(&ends[0], &ends[1]) > 0) {
		ends[0] = ends[1];
		ends[1] = first;
	}
	begin(k, ends, 2);
	return finish(k, ENG_USE, 0);
}

static void key_of(const struct work *k, struct eng_edge_key *key)
{
	*key = (struct eng_edge_key){.from = k->id, .to = other_end(k), .class = ENG_EDGE_LINK};
	if (k->job->c & 4) {
		key->n = 4;
		memcpy(key->relation, "near", 4);
	}
}

static bool link(struct work *k)
{
	struct eng_edge_key key;

	key_of(k, &key);
	begin(k, NULL, 0);
	eng_edge_element(&k->o, &key, 1 + k->job->b % 10000, 1 + k->job->c % 10000);
	return finish(k, ENG_EDGE, 0);
}

/* Every store's slot that it sees; its own is replaced by what it says now. */
static bool unlink_(struct work *k)
{
	struct eng_edge_reading r;
	struct engram_error err;
	struct eng_edge_key key;
	struct eng_edge e;
	eng_stamp forgotten;

	key_of(k, &key);
	if (sim_state_edge(&k->node->state, &e, &forgotten, SIM_SEEN, &key, &k->arena, &err) < 0 || eng_edge_read(&e, &r, forgotten, &err) < 0) {
		sim_fail(k->s, "reading", "node %u: %s", k->node->index, err.message);
		return false;
	}
	if (!r.live)
		return false;
	for (size_t i = 0; i < r.ndots; i++)
		add_ref(k, r.dots[i]->dot, r.dots[i]->header_check, r.dots[i]->index);
	begin(k, NULL, 0);
	eng_edge_element(&k->o, &key, 0, 1);
	return finish(k, ENG_EDGE, 0);
}

/* -- many, and strange ones ------------------------------------------------------------------- */

static bool says_the_same(const struct work *k)
{
	const struct eng_reading *r = &k->reading;
	struct eng_elements at;
	struct eng_element e;
	char text[64];

	if (!r->live || !r->text.dot || r->text.dot->kind != ENG_MEMORY)
		return false;
	(void)at, (void)e;
	snprintf(text, sizeof text, "memory %02x%02x body %u", k->id.b[0], k->id.b[15], k->job->b % 5);
	return r->text.element->n == strlen(text) && r->text.element->p &&
	       memcmp(r->text.element->p, text, strlen(text)) == 0;
}

static bool import(struct work *k)
{
	bool any = false;

	for (unsigned i = 0; i <= k->job->c % 6; i++) {
		if (!look(k, &k->job->ids[(k->job->a + i) % k->job->nids]))
			return any;
		if (!says_the_same(k))
			any |= put_by_key(k);
	}
	return any;
}

static bool strange(struct work *k, uint8_t flags)
{
	if (!k->node->state.knows)
		return false;
	begin(k, &k->id, 1);
	eng_payload_u32(&k->o, 1000, k->job->b);
	return finish(k, SIM_STRANGE_KIND, flags);
}

static bool dispatch(struct work *k)
{
	switch (k->job->kind) {
	case SIM_PUT:
		return put(k);
	case SIM_PUT_KEY:
		return put_by_key(k);
	case SIM_REVISE:
		return revise(k);
	case SIM_TAG:
		return tag(k);
	case SIM_UNTAG:
		return untag(k);
	case SIM_LINK:
		return link(k);
	case SIM_UNLINK:
		return unlink_(k);
	case SIM_USE:
		return use(k);
	case SIM_TOGETHER:
		return together(k);
	case SIM_FEEDBACK:
		return judge(k);
	case SIM_FORGET:
		return forget(k);
	case SIM_IMPORT:
		return import(k);
	case SIM_STRANGE:
		return strange(k, 0);
	case SIM_STRANGE_CRITICAL:
		return strange(k, ENG_FLAG_CRITICAL);
	default:
		return false;
	}
}

void sim_work_forget_stub(struct sim *s, struct sim_node *node, const struct eng_position *stub)
{
	struct sim_log *l = sim_disk_log(&node->disk, &stub->series);
	const struct sim_frame *f = &l->f[stub->seq - l->first];
	struct work k = {.s = s, .node = node, .arena = ENG_ARENA_INIT};
	struct eng_prelude p;

	if (eng_prelude_decode(&p, sim_frame_payload(f), f->h.payload_len, NULL) == 0 && p.nsubjects) {
		k.id = eng_prelude_subject(&p, 0);
		begin(&k, &k.id, 1);
		finish(&k, ENG_FORGET, 0);
	}
	sim_trace(s, "node %u: forgets once more what frame %llu of %02x%02x was", node->index,
	          (unsigned long long)stub->seq, stub->series.b[0], stub->series.b[1]);
	eng_buf_free(&k.payload);
	eng_arena_free(&k.arena);
}

bool sim_work_do(struct sim *s, struct sim_node *node, const struct sim_job *job)
{
	struct work k = {.s = s, .node = node, .job = job, .arena = ENG_ARENA_INIT};
	bool done = look(&k, &job->ids[job->a % job->nids]) && dispatch(&k);

	sim_trace(s, "node %u: %s %u %u %u: %s", node->index, sim_work_names[job->kind], job->a % job->nids, job->b,
	          job->c, done ? "written" : "nothing");
	eng_buf_free(&k.payload);
	eng_arena_free(&k.arena);
	return done;
}
