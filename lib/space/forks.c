/* forks.c - what this store knows of forks, and saying that a series is over.
 *
 * A fork is known by the frame that tells it, by the branches that lie in the log,
 * or from the peer of this session.  Known once, it is carried out: what is here
 * of the series from there on becomes a branch (lib/log/branch.c), and since items
 * know their frames by place, the derived files are made anew.
 *
 * A fork that a peer names without the frames is taken on trust, as all that comes from
 * one who may push: it may as well write, and forget.  A false one loses nothing: the
 * frames are all there, as a branch, and its writer goes on in a new series; but each
 * costs making the derived files anew, so that a session may name few of those that
 * change something here.
 *
 * Whoever sees both frames says so in a frame of its own, after the split, because
 * the series that was forked may be its own.  Where that frame is missing, because
 * the finder was cut off, the first one who is asked for forks says it. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "frame/series.h"

/* A store that comes back after months hears of a restored backup or two. */
#define CLAIMS_MAX 16u

static int by_dot(const void *a, const void *b)
{
	const struct eng_dot *x = a, *y = b;
	int c = eng_series_cmp(&x->series, &y->series);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static bool is_branch(const struct eng_series_info *info)
{
	return eng_series_cmp(&info->series, &info->of) != 0;
}

static bool among(const struct eng_dot *at, size_t n, const struct eng_dot *d)
{
	return n && bsearch(d, at, n, sizeof *at, by_dot);
}

/* -- what frames say ------------------------------------------------------------------ */

/* A reader may find more than it may scan; a writer takes it in first. */
static int open_view(struct eng_view *v, struct engram_space *s, struct engram_error *err)
{
	int r = eng_view_open(v, s, err);

	if (r != ENGRAM_EBUSY || !(s->flags & ENGRAM_WRITE))
		return r;
	r = eng_space_apply(s, NULL, eng_all_frames, true, err);
	return r < 0 ? r : eng_view_open(v, s, err);
}

static int facts(struct engram_space *s, struct eng_dot **out, size_t *n, uint8_t kind, eng_stamp *stamp,
                 struct engram_error *err)
{
	struct eng_view v;
	int r = open_view(&v, s, err);

	*out = NULL;
	*n = 0;
	if (r < 0)
		return r;
	r = eng_view_facts(&v, out, n, kind, err);
	*stamp = v.stamp;
	eng_view_close(&v);
	return r;
}

static int say(struct engram_space *s, uint8_t kind, struct eng_buf *payload, eng_stamp floor, struct engram_error *err)
{
	struct eng_draft draft = {.kind = kind, .payload = payload->p, .payload_len = (uint32_t)payload->n};
	struct eng_appended done;
	int r = payload->failed ? eng_err_nomem(err) : eng_log_append(s->log, &done, &draft, 1, floor, err);

	eng_buf_free(payload);
	return r < 0 ? r : eng_log_flush(s->log, err);
}

/* -- carrying it out -------------------------------------------------------------------- */

/* *done: something here was moved. */
static int split_locked(struct engram_space *s, const struct eng_dot *fork, bool *done, struct engram_error *err)
{
	int r = eng_gen_refresh(s, err);
	bool had_state = s->gen;

	if (r == 0)
		r = eng_log_split(s->log, &fork->series, fork->seq, err);
	if (r < 0 || !eng_log_discard_derived(s->log))
		return r;
	*done = true;
	r = eng_gen_discard(s, err);
	return r == 0 && had_state ? eng_rebuild_locked(s, NULL, err) : r;
}

static int split(struct engram_space *s, const struct eng_dot *fork, bool *done, struct engram_error *err)
{
	int r = eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);

	if (r < 0)
		return r;
	r = split_locked(s, fork, done, err);
	eng_space_unlock(s, ENG_LOCK_APPLY);
	return r;
}

/* The frames with which branches of that fork begin. */
static int checks_of(struct engram_space *s, struct eng_fork *fork, struct engram_error *err)
{
	const struct eng_series_info *infos;
	size_t n, found = 0;
	int r = eng_space_series(s, &infos, &n, err);

	for (size_t i = 0; r == 0 && i < n && found < ENG_COUNT(fork->checks); i++)
		if (is_branch(&infos[i]) && eng_series_cmp(&infos[i].of, &fork->series) == 0 &&
		    infos[i].base + 1 == fork->seq && infos[i].durable_seq >= fork->seq)
			r = eng_log_check_at(s->log, &fork->checks[found++], &infos[i].series, fork->seq, err);
	return r;
}

static int say_fork(struct engram_space *s, const struct eng_fork *fork, eng_stamp floor, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;

	eng_fork_payload(&b, fork);
	return say(s, ENG_FORK, &b, floor, err);
}

/* -- the list --------------------------------------------------------------------------- */

static int add(struct eng_forks *f, const struct eng_series *series, uint64_t seq, struct engram_error *err)
{
	if (!eng_grow(&f->all, &f->cap, f->n, sizeof *f->all))
		return eng_err_nomem(err);
	f->all[f->n++] = (struct eng_dot){*series, seq};
	return 0;
}

static void each_once(struct eng_forks *f)
{
	size_t kept = 0;

	if (f->n)
		qsort(f->all, f->n, sizeof *f->all, by_dot);
	for (size_t i = 0; i < f->n; i++)
		if (kept == 0 || by_dot(&f->all[kept - 1], &f->all[i]) != 0)
			f->all[kept++] = f->all[i];
	f->n = kept;
}

static int add_branches(struct eng_forks *f, struct engram_space *s, struct engram_error *err)
{
	const struct eng_series_info *infos;
	size_t n;
	int r = eng_space_series(s, &infos, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (is_branch(&infos[i]))
			r = add(f, &infos[i].of, infos[i].base + 1, err);
	return r;
}

/* What a session that was cut off left undone: once for each session. */
static int settle(struct eng_forks *f, struct engram_space *s, struct engram_error *err)
{
	bool done;
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->nsaid; i++)
		r = split(s, &f->said[i], &done, err);
	f->n = 0;
	if (r == 0)
		r = add_branches(f, s, err);
	each_once(f);
	for (size_t i = 0; r == 0 && i < f->n; i++) {
		struct eng_fork fork = {.series = f->all[i].series, .seq = f->all[i].seq};

		if (among(f->said, f->nsaid, &f->all[i]))
			continue;
		r = checks_of(s, &fork, err);
		if (r == 0)
			r = say_fork(s, &fork, f->floor, err);
	}
	f->settled = r == 0;
	return r;
}

/* Looking at all frames that wait takes as long as applying them does, at the end of
 * a session that brought many: they are asked again only where one came that may tell
 * of a fork. */
static int read_said(struct eng_forks *f, struct engram_space *s, struct engram_error *err)
{
	int r;

	if (f->read)
		return 0;
	eng_free(f->said);
	f->said = NULL;
	f->nsaid = 0;
	r = facts(s, &f->said, &f->nsaid, ENG_FORK, &f->floor, err);
	f->read = r == 0;
	return r;
}

int eng_forks_list(struct eng_forks *f, struct engram_space *s, bool take, struct engram_error *err)
{
	bool settles = take && !f->settled;
	int r;

	f->read = f->read && !settles;
	r = read_said(f, s, err);
	if (r == 0 && settles)
		r = settle(f, s, err);
	f->n = 0;
	if (r == 0)
		r = add_branches(f, s, err);
	for (size_t i = 0; r == 0 && i < f->nsaid; i++)
		r = add(f, &f->said[i].series, f->said[i].seq, err);
	for (size_t i = 0; r == 0 && i < f->ntold; i++)
		r = add(f, &f->told[i].series, f->told[i].seq, err);
	each_once(f);
	return r;
}

/* A fork of a branch is one of its series. */
static int name_series(struct eng_dot *fork, struct engram_space *s, struct engram_error *err)
{
	const struct eng_series_info *infos;
	size_t n;
	int r = eng_space_series(s, &infos, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (eng_series_cmp(&infos[i].series, &fork->series) == 0) {
			fork->series = infos[i].of;
			break;
		}
	return r;
}

static int too_many_claims(struct engram_error *err)
{
	int r = eng_err(err, ENGRAM_EINPUT, "forks: the peer named more than %u that nothing here shows", CLAIMS_MAX);

	eng_err_hint(err, "if it is sound, a new session goes on from there");
	return r;
}

int eng_forks_learn(struct eng_forks *f, struct engram_space *s, const struct eng_dot *at, uint32_t mine,
                    uint32_t theirs, struct engram_error *err)
{
	struct eng_dot fork = *at, *said = NULL;
	bool claim = mine == theirs, done = false;
	eng_stamp floor;
	size_t nsaid = 0;
	int r = name_series(&fork, s, err);

	if (r == 0 && claim && f->claims >= CLAIMS_MAX)
		r = too_many_claims(err);
	if (r < 0)
		return r;
	if (!eng_grow(&f->told, &f->told_cap, f->ntold, sizeof *f->told))
		return eng_err_nomem(err);
	f->told[f->ntold++] = fork;
	r = split(s, &fork, &done, err);
	f->claims += claim && done;
	if (r == 0 && !claim)
		r = facts(s, &said, &nsaid, ENG_FORK, &floor, err);
	if (r == 0 && !claim && !among(said, nsaid, &fork))
		r = say_fork(s, &(struct eng_fork){fork.series, fork.seq, {mine, theirs}}, floor, err);
	eng_free(said);
	return r;
}

void eng_forks_free(struct eng_forks *f)
{
	eng_free(f->told);
	eng_free(f->said);
	eng_free(f->all);
	*f = (struct eng_forks){0};
}

/* -- retiring ------------------------------------------------------------------------------ */

static int known_series(bool *active, struct engram_space *s, const struct eng_series *series, struct engram_error *err)
{
	const struct eng_series_info *infos;
	char name[ENG_SERIES_NAME + 1];
	size_t n;
	int r = eng_space_series(s, &infos, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (eng_series_cmp(&infos[i].series, series) == 0) {
			*active = infos[i].active;
			return 0;
		}
	if (r < 0)
		return r;
	eng_series_name(name, series);
	eng_err(err, ENGRAM_ENOFILE, "series %s: not in space %s", name, s->name);
	eng_err_object(err, name);
	return ENGRAM_ENOFILE;
}

int eng_space_retire(struct engram_space *s, bool *written, const struct eng_series *series, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_dot *said = NULL;
	bool active;
	eng_stamp floor;
	size_t nsaid = 0;
	int r = eng_space_check_writer(s, err);

	*written = false;
	if (r == 0)
		r = known_series(&active, s, series, err);
	if (r == 0)
		r = facts(s, &said, &nsaid, ENG_RETIRE, &floor, err);
	if (r == 0 && active)
		r = eng_log_close_own(s->log, err);
	if (r == 0 && !among(said, nsaid, &(struct eng_dot){.series = *series})) {
		eng_retire_payload(&b, series);
		r = say(s, ENG_RETIRE, &b, floor, err);
		*written = r == 0;
	}
	eng_free(said);
	return r;
}
