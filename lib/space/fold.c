/* fold.c - rows into graphs: a new view file, and one short transaction.
 *
 *   1. maint; apply what waits
 *   2. plan: which identities are due
 *   3. a new view file: their graphs (fold_take.c), the others' copied; synced, and its
 *      directory, before
 *   4. apply; one transaction of the state names the file, removes the rows it took and
 *      says which node stands for which document
 *   5. a state of which less than half is left in use is copied (compact.c)
 *   6. the old file is unlinked: whoever reads it has it open
 *
 * Until 4 nobody knows of the file: a run that ends before leaves one that the next
 * removes.  A view file that cannot be used is made anew with everything derived: its
 * rows are in no other place but the log. */
#include "space/fold_int.h"

#include <stdlib.h>

#include "base/alloc.h"

/* Below this a scan is quicker than a graph, and exact: 4,096 rows of 512 bytes are 35 us. */
#define TAIL_MIN 4096u
/* A tail that every recall scans; 16,384 rows of 768 bytes take it 0.3 ms. */
#define TAIL_MAX 16384u

struct run {
	struct engram_space *s;
	const struct eng_job *job;
	enum eng_fold_when when;
	bool apply_held;
	struct eng_txn *t; /* while planning */
	struct eng_snapshot *look; /* of a dry run: what waits is looked at, not applied */
	uint8_t build[16]; /* of the state that was planned for */
	struct eng_meta meta;
	struct eng_folded *old; /* the view file in use, or NULL */
	struct eng_identity_rows *of; /* ascending by key */
	size_t n, cap, ntaken;
	struct eng_taken *taken; /* one each */
	uint64_t number; /* of the new file */
	struct eng_fold_out *out;
	struct eng_fold_info info;
};

/* -- planning ------------------------------------------------------------------------- */

static int count_tail(struct eng_identity_rows *of, struct eng_txn *t, struct engram_error *err)
{
	struct eng_rows rows;
	uint32_t first;
	uint64_t at = 0;
	int r = 1;

	while (at < UINT32_MAX && (r = eng_rows_next(&rows, &first, t, &of->rows, (uint32_t)at)) == 1) {
		for (uint32_t i = 0; i < rows.n; i++)
			of->tail += rows.r[i] != 0;
		at = (uint64_t)first + rows.n;
	}
	return r < 0 ? eng_txn_status(t, err) : 0;
}

static int count_nodes(struct eng_identity_rows *of, struct run *run, struct engram_error *err)
{
	struct eng_fold_graph *g = NULL;
	int r = run->old ? eng_fold_find(&g, run->old->fold, of->key, err) : 0;

	if (r <= 0)
		return r;
	of->nodes = g->n;
	for (uint32_t node = 0; node < g->n; node++) {
		const uint32_t *docs = eng_nodes_docs(run->t, of->number, node / ENG_HNSW_BLOCK);
		uint32_t n = g->n - node < ENG_HNSW_BLOCK ? g->n - node : ENG_HNSW_BLOCK;
		if (!docs)
			return eng_err(err, ENGRAM_EDAMAGED, "state: the documents of node %u of the view are missing", node);
		for (uint32_t i = 0; i < n; i++)
			of->gone += docs[i] == ENG_NO_DOC;
		node += n - 1;
	}
	return 0;
}

/* Many rows to scan at every recall, or many nodes that a search meets in vain. */
static bool is_due(const struct eng_identity_rows *of)
{
	uint32_t eighth = of->nodes / 8, most = eighth < TAIL_MAX ? eighth : TAIL_MAX;

	return of->tail >= (most > TAIL_MIN ? most : TAIL_MIN) || (of->gone >= TAIL_MIN && of->gone > eighth);
}

static bool is_wanted(const struct run *run, const struct eng_identity_rows *of)
{
	switch (run->when) {
	case ENG_FOLD_DUE:
		return is_due(of);
	case ENG_FOLD_ANY:
		return of->nodes ? of->tail + of->gone > 0 : of->tail >= TAIL_MIN;
	case ENG_FOLD_ALL:
		return of->tail + of->gone > 0;
	case ENG_FOLD_ANEW:
		return of->nodes || of->tail >= TAIL_MIN;
	case ENG_FOLD_GONE:
		return of->gone > 0;
	}
	return false;
}

/* who NULL: hash/1; e NULL: none that the state knows. */
static int plan_rows(struct run *run, const struct eng_embedder *who, const struct eng_embedder_record *e,
                     struct engram_error *err)
{
	struct eng_identity_rows of = {.rows = eng_hash1_rows, .number = ENG_NODES_HASH1};
	int r = 0;

	if (e) {
		of.rows = eng_embedder_rows(e);
		of.number = eng_nodes_number(e->number);
	} else if (who)
		of.rows = (struct eng_row_table){.stride = ENG_VEC_STRIDE(who->dim)};
	eng_identity_key(of.key, who);
	if (run->t && (e || !who))
		r = count_tail(&of, run->t, err);
	if (r == 0 && run->t && (e || !who))
		r = count_nodes(&of, run, err);
	if (r == 0 && run->look)
		r = eng_fold_look(&of, run->look, who, err);
	if (r < 0)
		return r;
	of.taken = is_wanted(run, &of);
	run->ntaken += of.taken;
	if (!eng_grow(&run->of, &run->cap, run->n, sizeof *run->of))
		return eng_err_nomem(err);
	run->of[run->n++] = of;
	return 0;
}

static int plan_one(void *data, const struct eng_embedder_record *e, struct engram_error *err)
{
	return plan_rows(data, &e->who, e, err);
}

static int plan_all(struct run *run, struct engram_error *err)
{
	int r = plan_rows(run, NULL, NULL, err);

	return r == 0 && run->t ? eng_embedders_each(run->t, plan_one, run, err) : r;
}

static int by_key(const void *a, const void *b)
{
	const struct eng_identity_rows *x = a, *y = b;

	return memcmp(x->key, y->key, sizeof x->key);
}

static int plan(struct run *run, struct engram_error *err)
{
	struct eng_gen *g = run->s->gen;
	int r = eng_txn_begin(&run->t, g->store, false, err);

	if (r < 0)
		return r;
	memcpy(run->build, g->build, sizeof run->build);
	r = eng_meta_load(&run->meta, run->t, &run->s->id, err);
	if (r == 0 && run->meta.view)
		r = eng_folded_open(&run->old, run->s, g, &run->meta, err);
	if (r == 0)
		r = plan_all(run, err);
	eng_txn_abort(run->t);
	run->t = NULL;
	if (r == 0)
		qsort(run->of, run->n, sizeof *run->of, by_key);
	return r;
}

static void unplan(struct run *run)
{
	for (size_t i = 0; run->taken && i < run->n; i++)
		eng_taken_free(&run->taken[i]);
	eng_free(run->taken);
	eng_free(run->of);
	eng_folded_unref(run->old);
	run->taken = NULL;
	run->of = NULL;
	run->old = NULL;
	run->n = run->cap = run->ntaken = 0;
}

/* -- the file ---------------------------------------------------------------------------- */

static int view_path(char out[ENG_PATH_MAX], const struct engram_space *s, uint64_t number, struct engram_error *err)
{
	char name[ENG_VIEW_NAME_MAX];

	eng_view_name(name, number);
	return eng_path(out, s->dir, "%s", name) ? 0 : eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
}

static int made_anew(struct engram_error *err)
{
	return eng_err(err, ENGRAM_EBUSY, "fold: the state was made anew meanwhile; the next run folds it");
}

/* A transaction on the state that was planned for. */
static int begin(struct eng_txn **t, struct run *run, bool write, struct engram_error *err)
{
	struct engram_space *s = run->s;
	struct eng_meta m;
	int r = eng_gen_refresh(s, err);

	if (r < 0)
		return r;
	if (!s->gen)
		return made_anew(err);
	r = eng_txn_begin(t, s->gen->store, write, err);
	if (r < 0)
		return r;
	r = eng_meta_load(&m, *t, &s->id, err);
	if (r == 0 && (memcmp(m.build, run->build, sizeof m.build) != 0 || m.view != run->meta.view))
		r = made_anew(err);
	run->meta = r == 0 ? m : run->meta;
	if (r < 0) {
		eng_txn_abort(*t);
		*t = NULL;
	}
	return r;
}

static int write_graph(struct run *run, size_t i, struct engram_error *err)
{
	const struct eng_identity_rows *of = &run->of[i];
	struct eng_fold_graph *old = NULL;
	struct eng_txn *t = NULL;
	int r = run->old ? eng_fold_find(&old, run->old->fold, of->key, err) : 0;

	if (r == 1)
		r = eng_fold_verify(old, err);
	if (r < 0)
		return r;
	if (!of->taken)
		return old ? eng_fold_copy(run->out, old, err) : 0;
	r = begin(&t, run, false, err);
	if (r == 0)
		r = eng_take(&run->taken[i], run->out, &t, old, run->when == ENG_FOLD_ANEW, run->job, err);
	eng_txn_abort(t);
	return r;
}

/* So that the first recall is as quick as those after a restart of the machine.  It
 * takes no memory that its pages do not take already, and a failure changes nothing. */
static void settle_in_cache(struct run *run)
{
	char name[ENG_VIEW_NAME_MAX];

	eng_view_name(name, run->number);
	if (run->s->sys->fs.ops->warm)
		eng_warm_file(run->s, name, NULL, NULL);
}

/* Synced, with its name, before the state may speak of it. */
static int write_file(struct run *run, struct engram_error *err)
{
	struct engram_space *s = run->s;
	char path[ENG_PATH_MAX];
	int r = eng_gen_number(&run->number, s, err);

	if (r == 0)
		r = view_path(path, s, run->number, err);
	if (r == 0)
		r = eng_fold_create(&run->out, s->sys, path, &s->id, err);
	for (size_t i = 0; r == 0 && i < run->n; i++) {
		run->taken[i].of = &run->of[i];
		r = write_graph(run, i, err);
	}
	eng_point(s->sys, "fold-written");
	if (r < 0) {
		eng_fold_abandon(run->out);
		run->out = NULL;
		return r;
	}
	r = eng_fold_finish(run->out, &run->info, err);
	run->out = NULL;
	if (r < 0)
		return r;
	r = s->sys->fs.ops->sync_dir(s->sys->fs.ctx, s->dir);
	eng_point(s->sys, "fold-synced");
	if (r < 0)
		return eng_err_os(err, -r, "%s: cannot sync", s->dir);
	settle_in_cache(run);
	return 0;
}

/* -- the state ---------------------------------------------------------------------------- */

static void remove_view(struct engram_space *s, uint64_t number)
{
	char path[ENG_PATH_MAX];

	if (number && view_path(path, s, number, NULL) == 0)
		s->sys->fs.ops->unlink(s->sys->fs.ctx, path);
}

/* Still there: a writer that made the state anew removes what nobody names. */
static int is_there(struct run *run, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;
	int r = view_path(path, run->s, run->number, err);

	if (r == 0 && run->s->sys->fs.ops->stat(run->s->sys->fs.ctx, path, &st) < 0)
		r = made_anew(err);
	return r;
}

static int put_meta(struct run *run, struct eng_txn *t)
{
	struct eng_meta m = run->meta;
	uint8_t record[ENG_META_SIZE];

	m.view = run->info.graphs ? run->number : 0;
	memcpy(m.view_digest, run->info.digest, sizeof m.view_digest);
	eng_meta_encode(record, &m);
	eng_txn_put(t, ENG_T_META, eng_bytes("meta", 4), eng_bytes(record, sizeof record));
	return 0;
}

static int commit_locked(struct run *run, struct engram_error *err)
{
	struct eng_txn *t = NULL;
	int r = begin(&t, run, true, err);

	if (r == 0)
		r = is_there(run, err);
	for (size_t i = 0; r == 0 && i < run->n; i++)
		if (run->of[i].taken)
			r = eng_take_commit(&run->taken[i], t, err);
	if (r == 0)
		r = put_meta(run, t);
	if (r == 0) {
		r = eng_txn_commit(t, err);
		t = NULL;
	}
	eng_txn_abort(t);
	return r;
}

/* A handle that then only waits would keep the blocks of the old file from the disk. */
static void leave_view(struct engram_space *s)
{
	if (!s->gen)
		return;
	eng_folded_unref(s->gen->folded);
	s->gen->folded = NULL;
}

static int commit(struct run *run, struct engram_error *err)
{
	struct engram_space *s = run->s;
	uint64_t before = run->meta.view;
	int r = run->apply_held ? 0 : eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);

	if (r < 0)
		goto out;
	r = commit_locked(run, err);
	/* A compaction copies the state by itself.  One that fails leaves it as large as it is. */
	if (r == 0 && run->when != ENG_FOLD_GONE)
		eng_squeeze_locked(s, run->job, NULL);
	if (!run->apply_held)
		eng_space_unlock(s, ENG_LOCK_APPLY);
	eng_point(s->sys, "fold-state");
out:
	/* A commit that failed may have reached the disk all the same: then the state names
	 * the new file.  Which one goes, the next sweep decides by what the state says. */
	if (r == 0) {
		leave_view(s);
		remove_view(s, before);
		if (run->info.graphs == 0)
			remove_view(s, run->number);
	}
	return r;
}

/* -- the run --------------------------------------------------------------------------------- */

/* What there is now, or would be. */
static void report(const struct run *run, bool folded)
{
	struct engram_report *report = run->job->report;
	const struct eng_fold_info *info = folded ? &run->info : run->old ? eng_fold_info(run->old->fold) : NULL;

	if (!report)
		return;
	report->indexed = report->tail = 0;
	for (size_t i = 0; i < run->n; i++) {
		const struct eng_identity_rows *of = &run->of[i];
		bool takes = of->taken && (folded || run->job->dry_run);
		report->indexed += of->nodes - of->gone + (takes ? of->tail : 0);
		report->tail += takes ? 0 : of->tail;
		if (takes) {
			report->folded += folded ? run->taken[i].folded : of->tail;
			report->dropped += folded ? run->taken[i].dropped : of->gone;
		}
	}
	if (info) {
		memcpy(report->view_digest, info->digest, sizeof report->view_digest);
		memcpy(report->lineage, info->lineage, sizeof report->lineage);
	}
}

static int fold_planned(struct run *run, struct engram_error *err)
{
	int r;

	if (run->ntaken == 0 || run->job->dry_run) {
		report(run, false);
		return 0;
	}
	run->taken = eng_calloc(run->n, sizeof *run->taken);
	if (!run->taken)
		return eng_err_nomem(err);
	r = write_file(run, err);
	if (r == 0)
		r = commit(run, err);
	if (r == 0)
		report(run, true);
	return r;
}

/* The generation in use, up to date, and no file that nobody names. */
static int bring_up(struct run *run, struct engram_error *err)
{
	struct engram_space *s = run->s;
	int r = eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);

	if (r < 0)
		return r;
	r = eng_apply_locked(s, run->job, eng_all_frames, err);
	if (r == 0 && s->gen)
		eng_gen_sweep(s);
	eng_space_unlock(s, ENG_LOCK_APPLY);
	return r;
}

static int make_anew(struct run *run, struct engram_error *err)
{
	struct engram_space *s = run->s;
	int r = run->apply_held ? 0 : eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);

	if (r < 0)
		return r;
	r = eng_rebuild_locked(s, run->job, err);
	if (!run->apply_held)
		eng_space_unlock(s, ENG_LOCK_APPLY);
	return r;
}

static bool is_unusable(int r)
{
	return r == ENGRAM_ENOFILE || r == ENGRAM_EDAMAGED || r == ENGRAM_EVERSION;
}

/* With maint; with apply too, what waits has been applied. */
static int fold(struct run *run, struct engram_error *err)
{
	struct engram_error why = {0};
	int r = run->apply_held ? 0 : bring_up(run, err);

	if (r < 0 || !run->s->gen)
		return r;
	r = plan(run, &why);
	if (r == 0)
		r = fold_planned(run, &why);
	if (is_unusable(r) && !run->job->dry_run) {
		eng_space_say(run->s, "%s; everything derived is made anew from the log", why.message);
		unplan(run);
		r = make_anew(run, &why);
		if (r == 0)
			r = plan(run, &why);
		if (r == 0)
			r = fold_planned(run, &why);
	}
	if (r < 0 && err)
		*err = why;
	unplan(run);
	return r;
}

/* -- a dry run ------------------------------------------------------------------------- */

struct stranger {
	struct run *run;
	struct engram_error *err;
};

/* An embedder that only frames that wait know. */
static int plan_stranger(void *data, const struct eng_embedder *who)
{
	struct stranger *st = data;
	struct eng_embedder_record e;
	int r = st->run->t ? eng_embedder_find(&e, st->run->t, who, st->err) : 0;

	return r == 0 ? plan_rows(st->run, who, NULL, st->err) : r < 0 ? r : 0;
}

static int look(struct run *run, struct engram_error *err)
{
	struct stranger st = {run, err};
	int r = eng_fold_look_open(&run->look, &run->t, &run->old, run->s, err);

	if (r == 0)
		r = plan_all(run, err);
	if (r == 0)
		r = eng_snapshot_embedders(run->look, plan_stranger, &st, err);
	if (r == 0)
		r = fold_planned(run, err);
	unplan(run);
	eng_snapshot_close(run->look);
	return is_unusable(r) ? 0 : r; /* the run that follows tells it */
}

int eng_fold_locked(struct engram_space *s, const struct eng_job *job, enum eng_fold_when when,
                    struct engram_error *err)
{
	struct run run = {.s = s, .job = job, .when = when, .apply_held = true};

	return fold(&run, err);
}

int eng_space_fold(struct engram_space *s, const struct eng_job *job, enum eng_fold_when when,
                   struct engram_error *err)
{
	struct run run = {.s = s, .job = job, .when = when};
	int r = job->dry_run ? eng_space_check_handle(s, err) : eng_space_check_writer(s, err);

	if (r < 0)
		return r;
	if (job->dry_run)
		return look(&run, err);
	r = eng_space_lock(s, ENG_LOCK_MAINT, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);
	if (r < 0)
		return r;
	r = fold(&run, err);
	eng_space_unlock(s, ENG_LOCK_MAINT);
	return r;
}
