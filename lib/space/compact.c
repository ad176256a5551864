/* compact.c - forgotten bytes leave every file.
 *
 *   1. apply: the state and the text view have passed every forget; a fold: the view
 *   2. the list: dots that a forget killed and whose frame is no stub; edges
 *      (purge_edges.c) and frames that cannot be read (skipped.c) likewise
 *   3. the log: seal the active segment if one lies there, write stubs
 *   4. the state: items take the stubs in, so that the small fields go too
 *   5. the text view: merge until no deleted word is left, truncate its WAL
 *   6. the state is copied, table by table, into a new file that says that
 *      nothing is left to purge; CURRENT; the old one is unlinked
 *
 * Each step may be repeated, and what is left to do is never written down: a
 * kill in between leaves frames that step 2 finds again, or (after 3, before
 * 4) stubs that step 3 finds done and step 4 takes in.
 *
 * The copy goes through puts, not by pages: a page keeps the bytes of entries
 * that were deleted from it, a page filled by puts never had them. */
#include "space/space_int.h"

#include "base/alloc.h"

struct kills {
	struct eng_edge_purge edges;
	struct eng_skip_purge skipped;
	struct eng_kill *at;
	struct engram_id *ids;    /* whose item they are in; repeated */
	size_t n, cap;
};

static void free_kills(struct kills *k)
{
	eng_edge_purge_free(&k->edges);
	eng_free(k->skipped.kills);
	eng_free(k->at);
	eng_free(k->ids);
}

static bool grow_kills(struct kills *k)
{
	size_t cap = k->cap, more = k->cap;

	if (!eng_grow(&k->at, &cap, k->n, sizeof *k->at) || !eng_grow(&k->ids, &more, k->n, sizeof *k->ids))
		return false;
	k->cap = cap;
	return true;
}

static int list_item(struct kills *k, const struct engram_id *id, struct eng_bytes value, struct eng_arena *arena,
                     struct engram_error *err)
{
	struct eng_dot_record **dots;
	struct eng_dot *killers;
	struct eng_item item;
	uint32_t doc;
	size_t n;
	int r;

	eng_arena_reset(arena);
	r = eng_item_load(&item, &doc, id, value, arena, err);
	if (r == 0)
		r = eng_edge_purge_forgotten(&k->edges, id, eng_item_forgotten(&item), err);
	if (r == 0)
		r = eng_item_purgeable(&item, &dots, &killers, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!grow_kills(k))
			return eng_err_nomem(err);
		k->at[k->n] = (struct eng_kill){dots[i]->dot, killers[i], dots[i]->place};
		k->ids[k->n++] = *id;
	}
	return r;
}

static int list_kills(struct kills *k, struct engram_space *s, struct eng_gen *g, struct engram_error *err)
{
	struct eng_view state = {.space = s};
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_txn *t;
	int r = eng_txn_begin(&t, g->store, false, err);

	if (r < 0)
		return r;
	state.txn = t;
	r = eng_walk_begin(&w, t, ENG_T_ITEMS, err);
	if (r == 0)
		for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1;
		     r = eng_walk_next(w, &key, &value)) {
			struct engram_id id;
			memcpy(id.b, key.p, sizeof id.b);
			r = list_item(k, &id, value, &arena, err);
			if (r < 0)
				break;
		}
	eng_walk_end(w);
	if (r == 0)
		r = eng_edge_purge_list(&k->edges, &state, err);
	eng_txn_abort(t);
	eng_arena_free(&arena);
	return r;
}

static int list_skipped(struct kills *k, struct engram_space *s, struct eng_gen *g, struct engram_error *err)
{
	struct eng_view state = {.space = s};
	int r = eng_txn_begin(&state.txn, g->store, false, err);

	if (r == 0)
		r = eng_skip_purge_list(&k->skipped, &state, err);
	eng_txn_abort(state.txn);
	return r;
}

/* -- the log -------------------------------------------------------------------------- */

/* All of them, for eng_free(). */
static struct eng_kill *join(const struct kills *k, size_t n)
{
	struct eng_kill *all = eng_calloc(n, sizeof *all), *at = all;

	if (!all)
		return NULL;
	if (k->n)
		memcpy(at, k->at, k->n * sizeof *at);
	at += k->n;
	if (k->edges.nkills)
		memcpy(at, k->edges.kills, k->edges.nkills * sizeof *at);
	at += k->edges.nkills;
	if (k->skipped.n)
		memcpy(at, k->skipped.kills, k->skipped.n * sizeof *at);
	return all;
}

static int stub_log(struct engram_space *s, const struct kills *k, const struct eng_job *job, struct engram_error *err)
{
	uint64_t stubbed = 0, freed = 0;
	size_t n = k->n + k->edges.nkills + k->skipped.n;
	struct eng_kill *all;
	int r = 0;

	if (n == 0)
		return 0;
	all = join(k, n);
	if (!all)
		return eng_err_nomem(err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = eng_log_seal(s->log, &all[i], err);
	eng_point(s->sys, "compact-rotated");
	if (r == 0)
		r = eng_log_stub(s->log, &stubbed, &freed, all, n, err);
	eng_point(s->sys, "compact-stubbed");
	eng_free(all);
	if (r == 0 && job && job->report) {
		job->report->purged += stubbed;
		job->report->freed_bytes += freed;
	}
	return r;
}

/* -- the state ------------------------------------------------------------------------- */

/* The frames of one id that are stubs now. */
static int take_stubs(struct engram_space *s, struct eng_txn *t, const struct kills *k, size_t from, size_t n,
                      struct eng_arena *arena, struct eng_buf *frame, struct eng_buf *out, struct engram_error *err)
{
	const struct engram_id *id = &k->ids[from];
	struct eng_bytes value;
	struct eng_item item;
	struct eng_frame f;
	uint32_t doc;
	bool changed, any = false;
	int r = eng_txn_get(t, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);

	if (r <= 0)
		return r < 0 ? eng_txn_status(t, err) : 0;
	eng_arena_reset(arena);
	r = eng_item_load(&item, &doc, id, value, arena, err);
	for (size_t i = from; r == 0 && i < from + n; i++) {
		r = eng_log_read(s->log, &f, frame, &k->at[i].dot.series, k->at[i].dot.seq, k->at[i].place, err);
		if (r == 0 && f.h.flags & ENG_FLAG_STUB)
			r = eng_item_add(&item, &changed, &f, true, err);
		any = any || (r == 0 && f.h.flags & ENG_FLAG_STUB);
	}
	if (r == 0 && any)
		r = eng_item_value(out, &item, doc, err);
	if (r == 0 && any)
		eng_txn_put(t, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), eng_bytes(out->p, out->n));
	return r;
}

static int stub_state(struct engram_space *s, struct kills *k, struct engram_error *err)
{
	struct eng_buf frame = ENG_BUF_INIT, out = ENG_BUF_INIT;
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_txn *t;
	int r = eng_txn_begin(&t, s->gen->store, true, err);

	if (r < 0)
		return r;
	for (size_t i = 0, n; r == 0 && i < k->n; i += n) {
		for (n = 1; i + n < k->n && eng_id_cmp(&k->ids[i], &k->ids[i + n]) == 0; n++)
			;
		r = take_stubs(s, t, k, i, n, &arena, &frame, &out, err);
	}
	if (r == 0)
		r = eng_edge_purge_records(&k->edges, t, err);
	if (r == 0)
		r = eng_txn_commit(t, err);
	else
		eng_txn_abort(t);
	eng_arena_free(&arena);
	eng_buf_free(&frame);
	eng_buf_free(&out);
	return r;
}

/* -- the copy ------------------------------------------------------------------------------ */

#define COPY_BYTES (32u << 20) /* of one transaction */

static int copy_table(struct eng_store *to, struct eng_txn *from, size_t table, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_txn *t = NULL;
	size_t bytes = 0;
	int r = eng_walk_begin(&w, from, table, err);

	if (r == 0)
		r = eng_txn_begin(&t, to, true, err);
	if (r < 0)
		goto out;
	for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1; r = eng_walk_next(w, &key, &value)) {
		eng_txn_append(t, table, key, value);
		bytes += key.n + value.n;
		if (bytes < COPY_BYTES)
			continue;
		r = eng_txn_commit(t, err);
		t = NULL;
		if (r == 0)
			r = eng_txn_begin(&t, to, true, err);
		if (r < 0)
			goto out;
		bytes = 0;
	}
	if (r < 0) {
		r = eng_txn_status(from, err);
		goto out;
	}
	r = eng_txn_commit(t, err);
	t = NULL;
out:
	eng_txn_abort(t);
	eng_walk_end(w);
	return r;
}

/* What eng_gen_create wrote goes, so that all of it can be appended. */
static int empty_meta(struct eng_store *to, struct engram_error *err)
{
	struct eng_txn *t;
	int r = eng_txn_begin(&t, to, true, err);

	if (r < 0)
		return r;
	eng_txn_del(t, ENG_T_META, eng_bytes("meta", 4));
	return eng_txn_commit(t, err);
}

static int nothing_unpurged(struct eng_store *to, const struct engram_id *space, struct engram_error *err)
{
	uint8_t record[ENG_META_SIZE];
	struct eng_meta m;
	struct eng_txn *t;
	int r = eng_txn_begin(&t, to, true, err);

	if (r < 0)
		return r;
	r = eng_meta_load(&m, t, space, err);
	if (r < 0) {
		eng_txn_abort(t);
		return r;
	}
	m.unpurged = 0;
	eng_meta_encode(record, &m);
	eng_txn_put(t, ENG_T_META, eng_bytes("meta", 4), eng_bytes(record, sizeof record));
	return eng_txn_commit(t, err);
}

static int copy_state(struct eng_gen *to, struct eng_gen *from, const struct eng_job *job, struct engram_error *err)
{
	struct eng_txn *t;
	int r = eng_txn_begin(&t, from->store, false, err);

	if (r < 0)
		return r;
	r = empty_meta(to->store, err);
	for (size_t i = 0; r == 0 && i < ENG_T_COUNT; i++) {
		r = copy_table(to->store, t, i, err);
		if (r == 0)
			r = eng_job_progress(job, "copy", i + 1, ENG_T_COUNT, err);
	}
	eng_txn_abort(t);
	return r;
}

static uint64_t file_size(struct eng_gen *g)
{
	uint64_t used, file;

	return eng_store_size(g->store, &used, &file, NULL) == 0 ? file : 0;
}

/* The build id and the text view stay: documents keep their numbers. */
static int new_state(struct engram_space *s, bool purged, const struct eng_job *job, struct engram_error *err)
{
	uint64_t before = file_size(s->gen), after;
	struct eng_gen *g;
	int r = eng_gen_create(&g, s, s->gen->build, s->gen->text, err);

	if (r < 0)
		return r;
	r = copy_state(g, s->gen, job, err);
	if (r == 0 && purged)
		r = nothing_unpurged(g->store, &s->id, err);
	if (r < 0) {
		eng_gen_abandon(s, g);
		return r;
	}
	r = eng_gen_install(s, g, err);
	if (r < 0)
		return r;
	after = file_size(s->gen);
	if (job && job->report && before > after)
		job->report->freed_bytes += before - after;
	return 0;
}

/* LMDB never gives a page back, and a fold takes most of a state that an import has
 * filled: of 340,479 words with vectors 112 MB are left in a file of 436, which a recall
 * then meets in four times as many places.  Below 1 MiB nobody minds. */
#define SQUEEZE_MIN (1u << 20)

int eng_squeeze_locked(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	const uint64_t file = file_size(s->gen);
	struct eng_txn *t;
	uint64_t live = 0;
	int r = eng_txn_begin(&t, s->gen->store, false, err);

	if (r < 0)
		return r;
	r = eng_txn_live(t, &live);
	if (r < 0)
		r = eng_txn_status(t, err);
	eng_txn_abort(t);
	return r == 0 && file >= SQUEEZE_MIN && live < file / 2 ? new_state(s, false, job, err) : r;
}

/* -- all of it ---------------------------------------------------------------------------------- */

/* With few frames there is no state, which compaction needs: it is made. */
static int bring_up(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	int r = eng_apply_locked(s, job, eng_all_frames, err);

	return r == 0 && !s->gen ? eng_rebuild_locked(s, job, err) : r;
}

static int compact_locked(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	struct kills k = {0};
	int r = bring_up(s, job, err);

	if (r == 0)
		r = eng_fold_locked(s, job, ENG_FOLD_GONE, err);
	if (r == 0)
		r = list_kills(&k, s, s->gen, err);
	if (r == 0)
		r = list_skipped(&k, s, s->gen, err);
	if (r == 0)
		r = stub_log(s, &k, job, err);
	if (r == 0 && (k.n || k.edges.nkeys))
		r = stub_state(s, &k, err);
	if (r == 0)
		r = eng_gen_text(s, s->gen, true, err);
	if (r == 0)
		r = eng_fts_purge(s->gen->fts, err);
	eng_point(s->sys, "compact-text");
	if (r == 0)
		r = new_state(s, true, job, err);
	free_kills(&k);
	return r;
}

/* What there would be to do: the state's list without the ids that raw frames
 * are about, and these with all their dots. */
static int count_kills(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct kills k = {0};
	struct eng_view v;
	uint64_t count = 0;
	int r = eng_view_open(&v, s, err);

	if (r < 0)
		return r;
	if (v.gen)
		r = list_kills(&k, s, v.gen, err);
	if (r == 0)
		r = eng_skip_purge_list(&k.skipped, &v, err);
	count += k.skipped.n;
	count += k.edges.nkills; /* those that wait for apply are not looked for */
	for (size_t i = 0; r == 0 && i < k.n; i++)
		count += eng_raw_find(&v.raw, &k.ids[i]) < 0;
	for (size_t i = 0; r == 0 && i < v.raw.nids; i++) {
		struct eng_dot_record **dots;
		struct eng_dot *killers;
		struct eng_item item;
		uint32_t doc;
		size_t n = 0;
		eng_arena_reset(&arena);
		r = eng_view_item(&v, &item, &doc, &v.raw.ids[i].id, &arena, err);
		if (r == 0)
			r = eng_item_purgeable(&item, &dots, &killers, &n, err);
		count += n;
	}
	if (r == 0 && job->report)
		job->report->purged += count;
	free_kills(&k);
	eng_arena_free(&arena);
	eng_view_close(&v);
	return r;
}

/* What waits for apply may bring a forget, or what one has killed: only looked
 * at, a forget is enough. */
static bool raw_forgets(const struct eng_raw *raw)
{
	for (size_t i = 0; i < raw->n; i++)
		if (raw->frames[i].h.kind == ENG_FORGET)
			return true;
	return false;
}

int eng_space_unpurged(struct engram_space *s, bool *any, struct engram_error *err)
{
	struct eng_view v;
	int r = eng_view_open(&v, s, err);

	if (r < 0)
		return r;
	*any = v.meta.unpurged > 0 || raw_forgets(&v.raw);
	eng_view_close(&v);
	return 0;
}

int eng_space_compact(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	if (job && job->dry_run)
		return count_kills(s, job, err);
	return eng_space_maintain(s, job, compact_locked, err);
}
