/* writer.c - put, commit, and the moment at which a writer applies.
 *
 * put queues a draft; drafts go to the log together, at commit or once
 * DRAFT_BYTES wait, in one write under one lock.  A plain store looks nothing
 * up: its frame is a new dot whatever is there, so it needs no state.  A store
 * under a key and a bulk store look at the state and the raw frames first,
 * those that this writer appended included.
 *
 * Stamps: a new frame must exceed every frame that its writer has seen, or a
 * forget could lie below what it forgets.  The greatest stamp of each series
 * stands in its mark, so the maximum over the series is enough, without reading
 * the state; it is taken when the writer opens and whenever it looks something
 * up, and the log itself adds that of the own series.  (Listing the series at
 * every put cost seven system calls of the fifteen that a put made.)
 *
 * Except where this store's clock was more than a day ahead and was put right: what
 * it wrote then would drag all later stamps along, so the log passes over it.  Then a
 * forget names what lies above it (forget.c), and of a memory that was forgotten
 * then nothing can be stored before that time: it would be dead at birth.
 *
 * Apply happens after the acknowledgement: when the next work begins, or at
 * close; never between a flush and the return to the caller. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/num.h"
#include "frame/hlc.h"
#include "space/writer_int.h"

#define WRITER_MAGIC 0x57474e45u /* "ENGW" */

int eng_writer_check(const struct engram_writer *w, struct engram_error *err)
{
	if (!w || w->magic != WRITER_MAGIC)
		return eng_err(err, ENGRAM_EUSAGE, "writer: not an open handle");
	return eng_space_check_writer(w->space, err);
}

/* -- opening --------------------------------------------------------------------- */

/* As long as no series exists, adopt may change the space's id: keep it away,
 * and see whether it was here since the space was opened. */
static int hold_identity(struct engram_writer *w, struct engram_error *err)
{
	struct engram_space *s = w->space;
	struct eng_identity now;
	int r = eng_space_lock(s, ENG_LOCK_IDENTITY, ENG_LOCK_SHARED, s->wait_ms, err);

	if (r < 0)
		return r;
	w->holds_identity = true;
	r = eng_identity_load(&now, s->sys, s->dir, err);
	if (r == 0 && eng_id_cmp(&now.id, &s->id) != 0) {
		r = eng_err(err, ENGRAM_EBUSY, "space %s: it took another id just now", s->name);
		eng_err_hint(err, "try again");
	}
	return r;
}

/* The log refuses to append then; said here, it is said before anything is read. */
static int check_clock(const struct engram_space *s, const struct eng_series_info *series, size_t n,
                       struct engram_error *err)
{
	int64_t now_us = s->sys->clock.wall_us(s->sys->clock.ctx);
	int r;

	for (size_t i = 0; i < n; i++) {
		int64_t ahead_ms = series[i].active ? eng_hlc_ahead_ms(series[i].last_stamp, now_us) : 0;
		if (ahead_ms <= ENG_CLOCK_AHEAD_MS)
			continue;
		r = eng_err(err, ENGRAM_ECLOCK,
		            "clock: wanted at most 24 h behind the last frame of this store, found %lld h",
		            (long long)(ahead_ms / 3600000));
		eng_err_hint(err, "set the clock, or go on from it with --new-series");
		return r;
	}
	return 0;
}

static int64_t wall_us(const struct engram_writer *w)
{
	const struct eng_clock *clock = &w->space->sys->clock;

	return clock->wall_us(clock->ctx);
}

static bool floor_counts(const struct engram_writer *w, int64_t now_us)
{
	return eng_hlc_ahead_ms(w->floor, now_us) <= ENG_CLOCK_AHEAD_MS;
}

eng_stamp eng_writer_exceeds(const struct engram_writer *w)
{
	int64_t now_us = wall_us(w);

	return eng_hlc_next(now_us, 0, floor_counts(w, now_us) ? w->floor : 0) - 1;
}

static void raise_floor(struct engram_writer *w, eng_stamp stamp)
{
	if (stamp > w->floor)
		w->floor = stamp;
}

/* Above every frame that is not held; of a series that ends with held ones the
 * mark does not tell the last that is not. */
static int begin_above(struct engram_writer *w, const struct eng_series_info *series, size_t n,
                       struct engram_error *err)
{
	eng_stamp latest = eng_hlc_horizon(wall_us(w), ENG_HOLD_BOUND_MS);
	bool held = false;

	for (size_t i = 0; i < n; i++) {
		w->asked_durable += series[i].durable_seq - series[i].base;
		if (eng_hlc_held(series[i].last_stamp, latest, series[i].mine))
			held = true;
		else
			raise_floor(w, series[i].last_stamp);
	}
	return held ? eng_writer_look(w, err) : 0;
}

int engram_writer_open(struct engram_writer **out, struct engram_space *space, unsigned flags,
                       struct engram_error *err)
{
	const struct eng_series_info *series;
	struct engram_writer *w;
	uint8_t session[8];
	size_t n;
	int r = eng_space_check_writer(space, err);

	if (r < 0)
		return r;
	w = eng_calloc(1, sizeof *w);
	if (!w)
		return eng_err_nomem(err);
	w->magic = WRITER_MAGIC;
	w->space = space;
	w->flags = flags;
	space->writers++;
	r = space->sys->random.fill(space->sys->random.ctx, session, sizeof session);
	r = r < 0 ? eng_err_os(err, -r, "random numbers") : eng_space_series(space, &series, &n, err);
	if (r == 0 && n == 0)
		r = hold_identity(w, err);
	else if (r == 0 && !(space->flags & ENGRAM_NEW_SERIES))
		r = check_clock(space, series, n, err);
	if (r < 0) {
		engram_writer_close(w);
		return r;
	}
	w->session = eng_get64(session);
	r = begin_above(w, series, n, err);
	if (r < 0)
		engram_writer_close(w);
	else
		*out = w;
	return r;
}

/* -- drafts ------------------------------------------------------------------------ */

static void forget_drafts(struct engram_writer *w)
{
	eng_buf_reset(&w->payloads);
	w->ndrafts = 0;
}

static int append(struct engram_writer *w, struct engram_error *err)
{
	struct eng_appended done;
	int r;

	for (size_t i = 0; i < w->ndrafts; i++)
		w->drafts[i].payload = w->payloads.p + w->offsets[i];
	r = eng_log_append(w->space->log, &done, w->drafts, w->ndrafts, w->floor, err);
	if (r < 0)
		return r;
	/* Whoever wrote between may have put what this writer would look for. */
	if (done.first_seq != w->next_seq || eng_series_cmp(&done.series, &w->series) != 0)
		w->strange = true;
	w->series = done.series;
	w->next_seq = done.first_seq + w->ndrafts;
	w->appended += w->ndrafts;
	w->appended_bytes += w->payloads.n;
	if (w->flags & ENGRAM_BULK)
		eng_written_add(&w->written, &done);
	return 0;
}

/* A failure loses drafts whose put answered 0: the next commit says so. */
int eng_writer_append(struct engram_writer *w, struct engram_error *err)
{
	struct engram_error why = {0};
	int r;

	if (w->ndrafts == 0)
		return 0;
	r = append(w, &why);
	forget_drafts(w);
	if (r < 0) {
		eng_written_lose(&w->written);
		w->lost = why;
		if (err)
			*err = why;
	}
	return r;
}

static bool grow_drafts(struct engram_writer *w)
{
	size_t cap = w->drafts_cap, more = w->drafts_cap;

	if (!eng_grow(&w->drafts, &cap, w->ndrafts, sizeof *w->drafts) ||
	    !eng_grow(&w->offsets, &more, w->ndrafts, sizeof *w->offsets))
		return false;
	w->drafts_cap = cap;
	return true;
}

int eng_writer_begin(struct eng_payload_out *o, struct engram_writer *w, const struct engram_id *subjects,
                     size_t nsubjects, const struct eng_ref *refs, size_t nrefs, struct engram_error *err)
{
	if (!grow_drafts(w))
		return eng_err_nomem(err);
	eng_buf_align8(&w->payloads);
	eng_payload_begin(o, &w->payloads, subjects, nsubjects, refs, nrefs, NULL);
	return 0;
}

/* A bulk writer asks for every memory whether it is there already, and nearly
 * none is: so its view is not brought up to date before an id is asked for that
 * was put since. */
static bool note_unseen(struct engram_writer *w, const uint8_t id[16])
{
	size_t n = w->unseen_at.n, cap = w->unseen_cap ? 2 * w->unseen_cap : 64;
	struct engram_id *unseen;

	if (n == w->unseen_cap) {
		unseen = eng_realloc(w->unseen, cap * sizeof *unseen);
		if (!unseen)
			return false;
		w->unseen = unseen;
		w->unseen_cap = cap;
	}
	memcpy(w->unseen[n].b, id, sizeof w->unseen[n].b);
	return eng_idmap_find(&w->unseen_at, w->unseen, sizeof *w->unseen, &w->unseen[n]) >= 0 ||
	       eng_idmap_add(&w->unseen_at, w->unseen, sizeof *w->unseen);
}

static void all_seen(struct engram_writer *w)
{
	eng_idmap_clear(&w->unseen_at, w->unseen, sizeof *w->unseen);
	if (w->nedges)
		memset(w->edges, 0, sizeof w->edges);
	w->nedges = 0;
	w->strange = false;
	w->seen = w->appended;
}

int eng_writer_end(struct eng_payload_out *o, struct engram_writer *w, uint8_t kind, struct engram_error *err)
{
	size_t start = o->start, n = eng_payload_end(o);
	bool nomem = w->payloads.failed;

	if (!nomem && n <= ENG_PAYLOAD_MAX && kind == ENG_MEMORY)
		nomem = !note_unseen(w, w->payloads.p + start + 8);
	if (nomem || n > ENG_PAYLOAD_MAX) {
		w->payloads.n = start < w->payloads.n ? start : w->payloads.n;
		w->payloads.failed = false;
		return nomem ? eng_err_nomem(err)
		             : eng_err(err, ENGRAM_EINPUT, "memory: wanted at most %u bytes in all, found %zu",
		                       ENG_PAYLOAD_MAX, n);
	}
	w->offsets[w->ndrafts] = start;
	w->drafts[w->ndrafts++] = (struct eng_draft){.kind = kind, .payload_len = (uint32_t)n};
	/* Edges are noted by who queues them; uses and feedback answer no question. */
	if (kind == ENG_REVISION || kind == ENG_FORGET)
		w->strange = true;
	return 0;
}

int eng_writer_room(struct engram_writer *w, struct engram_error *err)
{
	return w->ndrafts >= DRAFT_FRAMES || w->payloads.n >= DRAFT_BYTES ? eng_writer_append(w, err) : 0;
}

/* Refs beyond what one frame holds go into frames that say nothing else. */
int eng_writer_spill(struct engram_writer *w, const struct engram_id *id, const struct eng_ref **refs, size_t *nrefs,
                     struct engram_error *err)
{
	struct eng_payload_out o;
	int r = 0;

	while (r == 0 && *nrefs > ENG_REFS_MAX) {
		r = eng_writer_begin(&o, w, id, 1, *refs, ENG_REFS_MAX, err);
		if (r == 0)
			r = eng_writer_end(&o, w, ENG_REVISION, err);
		*refs += ENG_REFS_MAX;
		*nrefs -= ENG_REFS_MAX;
	}
	return r;
}

static int queue_memory(struct engram_writer *w, const struct engram_id *id, const struct eng_ref *refs, size_t nrefs,
                        const struct engram_memory *m, struct engram_error *err)
{
	struct eng_payload_out o;
	int r = eng_writer_spill(w, id, &refs, &nrefs, err);

	if (r == 0)
		r = eng_writer_begin(&o, w, id, 1, refs, nrefs, err);
	if (r < 0)
		return r;
	eng_draft_elements(&o, m);
	eng_payload_u64(&o, ENG_EL_SESSION, w->session);
	return eng_writer_end(&o, w, ENG_MEMORY, err);
}

/* -- looking up ------------------------------------------------------------------------ */

int eng_writer_look(struct engram_writer *w, struct engram_error *err)
{
	int r = eng_writer_append(w, err);

	if (r < 0)
		return r;
	if (!w->viewing) {
		r = eng_view_open(&w->view, w->space, err);
		w->viewing = r == 0;
	} else if (w->seen != w->appended) {
		r = eng_view_extend(&w->view, err);
	}
	if (r == 0) {
		all_seen(w);
		raise_floor(w, w->view.stamp);
	}
	return r;
}

void eng_writer_unlook(struct engram_writer *w)
{
	if (w->viewing)
		eng_view_close(&w->view);
	w->viewing = false;
	all_seen(w); /* by the next one, which begins with the log as it is then */
}

static int see(struct engram_writer *w, const struct engram_id *id, struct eng_item *item, struct eng_reading *r,
               struct engram_error *err)
{
	uint32_t doc;
	bool current = w->viewing && !w->strange &&
	               eng_idmap_find(&w->unseen_at, w->unseen, sizeof *w->unseen, id) < 0;
	int rc = current ? 0 : eng_writer_look(w, err);

	eng_arena_reset(&w->arena);
	*r = (struct eng_reading){0};
	if (rc == 0)
		rc = eng_view_item(&w->view, item, &doc, id, &w->arena, err);
	if (rc == 0 && item->ndots > 0)
		rc = eng_item_read(item, r, err);
	return rc;
}

static struct eng_ref frame_ref(const struct eng_dot_record *d)
{
	return (struct eng_ref){.dot = d->dot, .header_check = d->header_check};
}

/* What an upsert replaces: every live frame it saw. */
static int upsert_refs(const struct eng_ref **out, size_t *n, struct engram_writer *w, const struct eng_reading *r,
                       struct engram_error *err)
{
	struct eng_ref *refs = eng_arena_alloc(&w->arena, (r->nlive_dots + r->nlive_revisions + 1) * sizeof *refs);

	if (!refs)
		return eng_err_nomem(err);
	*n = 0;
	for (size_t i = 0; i < r->nlive_dots; i++)
		refs[(*n)++] = frame_ref(r->live_dots[i]);
	for (size_t i = 0; i < r->nlive_revisions; i++)
		refs[(*n)++] = frame_ref(r->live_revisions[i]);
	*out = refs;
	return 0;
}

/* Whether the newest live memory frame says the same (revisions do not count:
 * importing a file again must not undo them). */
static int is_known(bool *known, struct engram_writer *w, const struct eng_reading *r, const struct engram_memory *m,
                    struct engram_error *err)
{
	const struct eng_dot_record *newest = r->nlive_dots ? r->live_dots[0] : NULL;
	struct eng_frame f;
	int rc;

	*known = false;
	if (!newest)
		return 0;
	rc = eng_log_read(w->space->log, &f, &w->frame, &newest->dot.series, newest->dot.seq, newest->place, err);
	if (rc == 0)
		*known = eng_draft_equal(f.payload, f.h.payload_len, m, &w->scratch);
	return rc;
}

static int look_up(struct engram_writer *w, const struct engram_id *id, const struct engram_memory *m, bool *known,
                   const struct eng_ref **refs, size_t *nrefs, struct engram_error *err)
{
	struct eng_reading reading;
	struct eng_item item;
	int r = see(w, id, &item, &reading, err);

	if (r == 0 && w->flags & ENGRAM_BULK)
		r = is_known(known, w, &reading, m, err);
	if (r == 0 && m->has & ENGRAM_KEY && !*known)
		r = upsert_refs(refs, nrefs, w, &reading, err);
	return r;
}

/* -- put --------------------------------------------------------------------------------- */

static int dead_at_birth(const struct engram_id *id, eng_stamp forgotten, struct engram_error *err)
{
	char text[ENGRAM_ID_TEXT + 1], time[ENG_TIME_TEXT];
	int r;

	engram_id_format(text, id);
	eng_format_time(time, (int64_t)(forgotten >> 16) * 1000);
	r = eng_err(err, ENGRAM_ECLOCK, "memory %s: was forgotten at %s, by a clock that ran ahead", text, time);
	eng_err_object(err, text);
	eng_err_hint(err, "it can be stored again from then on; other words, or another key, are another memory");
	return r;
}

/* That no forget lies above the stamp that the memory will get. */
static int check_birth(struct engram_writer *w, const struct engram_id *id, struct engram_error *err)
{
	struct eng_reading reading;
	struct eng_item item;
	eng_stamp forgotten;
	int r;

	if (floor_counts(w, wall_us(w)))
		return 0;
	r = see(w, id, &item, &reading, err);
	forgotten = r == 0 ? eng_item_forgotten(&item) : 0;
	return forgotten > eng_writer_exceeds(w) ? dead_at_birth(id, forgotten, err) : r;
}

/* Another body of the same id: it has the memory's key, and a time of its own
 * only if the memory's is kept too. */
static int queue_sibling(struct engram_writer *w, const struct engram_id *id, const struct engram_memory *m, size_t i,
                         struct engram_error *err)
{
	struct engram_memory body = m->conflicts[i];

	body.has &= ~(unsigned)(ENGRAM_KEY | (m->has & ENGRAM_STORED ? 0 : ENGRAM_STORED));
	body.has |= m->has & ENGRAM_KEY;
	body.key = m->key;
	return queue_memory(w, id, NULL, 0, &body, err);
}

static int queue_all(struct engram_writer *w, const struct engram_id *id, const struct eng_ref *refs, size_t nrefs,
                     const struct engram_memory *m, struct engram_error *err)
{
	int r = 0;

	for (size_t i = m->nconflicts; r == 0 && i-- > 0;) /* the oldest first: the newest is shown */
		r = queue_sibling(w, id, m, i, err);
	if (r == 0)
		r = queue_memory(w, id, refs, nrefs, m, err);
	return r == 0 ? eng_writer_room(w, err) : r;
}

int engram_put(struct engram_writer *w, struct engram_id *id, enum engram_put_result *put,
               const struct engram_memory *m, struct engram_error *err)
{
	const struct eng_ref *refs = NULL;
	struct eng_links links = {.arena = ENG_ARENA_INIT};
	struct engram_id own;
	size_t nrefs = 0;
	bool known = false;
	int r = eng_writer_check(w, err);

	if (r == 0)
		r = engram_check(m, err);
	if (r < 0)
		return r;
	eng_writer_apply(w, false);
	own = m->has & ENGRAM_ID ? m->id : eng_memory_id(&w->space->id, m);
	if (m->has & ENGRAM_LINKS)
		r = eng_links_prepare(&links, w, &own, m->links, m->nlinks, err);
	if (r == 0)
		r = check_birth(w, &own, err);
	if (r == 0 && (w->flags & ENGRAM_BULK || m->has & ENGRAM_KEY))
		r = look_up(w, &own, m, &known, &refs, &nrefs, err);
	if (r == 0 && !known)
		r = queue_all(w, &own, refs, nrefs, m, err);
	if (r == 0 && links.any)
		r = eng_links_queue(&links, w, err);
	if (r == 0) {
		w->rested = w->rested || known;
		*id = own;
		*put = known && !links.any ? ENGRAM_KNOWN : ENGRAM_STORED_NEW;
	}
	eng_links_free(&links);
	return r;
}

int engram_known(struct engram_writer *w, bool *known, const struct engram_memory *m, struct engram_error *err)
{
	struct eng_reading reading;
	struct engram_id id;
	struct eng_item item;
	int r = eng_writer_check(w, err);

	if (r == 0)
		r = engram_check(m, err);
	if (r < 0)
		return r;
	id = m->has & ENGRAM_ID ? m->id : eng_memory_id(&w->space->id, m);
	r = see(w, &id, &item, &reading, err);
	return r == 0 ? is_known(known, w, &reading, m, err) : r;
}

/* -- commit, apply ------------------------------------------------------------------------- */

int engram_commit(struct engram_writer *w, struct engram_error *err)
{
	int r = eng_writer_check(w, err);

	if (r < 0)
		return r;
	r = eng_writer_append(w, err);
	if (r == 0 && w->lost.code) {
		r = w->lost.code;
		if (err)
			*err = w->lost;
	}
	w->lost = (struct engram_error){0};
	if (r == 0) /* "known" rests on frames that others may have written and not flushed */
		r = w->rested ? eng_log_settle(w->space->log, err) : eng_log_flush(w->space->log, err);
	if (r < 0)
		eng_written_lose(&w->written);
	w->rested = false;
	if (!(w->flags & ENGRAM_BULK))
		eng_writer_unlook(w);
	return r;
}

/* Durable frames of the space. */
static uint64_t durable(struct engram_writer *w)
{
	const struct eng_series_info *series;
	uint64_t sum = 0;
	size_t n;

	if (eng_space_series(w->space, &series, &n, NULL) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		sum += series[i].durable_seq - series[i].base;
	return sum;
}

/* How many frames may wait.  One of n busy writers lets n times as many wait:
 * batches cost two flushes of the state and one of the text view each, and
 * with 50 writers batches of 128 halved the puts (8,800/s against 18,000 of
 * the same machine without any apply).  `others`: frames of all writers since this
 * one last asked, having appended ENG_APPLY_FRAMES / 2 of them; `all`: there are. */
static uint64_t may_wait(const struct engram_writer *w, uint64_t others, uint64_t all)
{
	const uint64_t bulk = all < ENG_APPLY_LARGE ? ENG_APPLY_BULK : ENG_APPLY_BULK_LARGE;
	uint64_t size = w->appended ? w->appended_bytes / w->appended : 0;
	uint64_t most = 2 * others;

	if (w->flags & ENGRAM_BULK || most > bulk)
		return bulk;
	if (most < ENG_APPLY_FRAMES)
		most = ENG_APPLY_FRAMES;
	return size * ENG_APPLY_FRAMES > ENG_APPLY_BYTES ? most * ENG_APPLY_BYTES / (size * ENG_APPLY_FRAMES) : most;
}

/* As far as this handle knows; others may have applied since. */
static uint64_t not_applied(const struct engram_writer *w, uint64_t frames)
{
	return frames > w->space->applied ? frames - w->space->applied : 0;
}

void eng_writer_apply(struct engram_writer *w, bool closing)
{
	bool bulk = w->flags & ENGRAM_BULK;
	struct eng_range frames = eng_all_frames;
	uint64_t now, waiting, most, look = bulk ? ENG_APPLY_BULK_LOOK : ENG_APPLY_FRAMES / 2;
	/* Of long memories the count says little: 10,000 would pass what a
	 * reader, and this writer too, looks through (ENG_SCAN_MAX). */
	bool much = w->appended_bytes - w->applied_bytes >= (bulk ? ENG_APPLY_BULK_BYTES : ENG_BATCH_BYTES);

	/* Every put asks; looking at the marks each time would cost more than the put. */
	if (!closing && w->appended - w->asked < look &&
	    w->appended_bytes - w->asked_bytes < ENG_BATCH_BYTES)
		return;
	w->asked = w->appended;
	w->asked_bytes = w->appended_bytes;
	now = durable(w);
	most = may_wait(w, closing ? 0 : now - w->asked_durable, now);
	if (closing && bulk)
		most = ENG_APPLY_FRAMES;
	w->asked_durable = now;
	if (much)
		most = 1;
	if (not_applied(w, now) >= most)
		eng_applied_refresh(w->space);
	waiting = not_applied(w, now);
	if (waiting == 0 || waiting < most)
		return;
	w->applied_bytes = w->appended_bytes;
	/* Frames that nobody flushed cannot be applied. */
	if (bulk && eng_log_flush(w->space->log, NULL) < 0)
		eng_written_lose(&w->written);
	eng_writer_unlook(w);
	w->space->text_later = w->flags & ENGRAM_TEXT_LATER;
	w->space->written = bulk ? &w->written : NULL;
	frames.least = most;
	if (!bulk)
		frames.most = most > ENG_APPLY_PASSING ? most : ENG_APPLY_PASSING;
	eng_space_apply(w->space, NULL, frames, bulk || waiting >= ENG_APPLY_MUST, NULL);
	w->space->text_later = false;
	w->space->written = NULL;
	eng_written_free(&w->written);
}

void engram_writer_close(struct engram_writer *w)
{
	if (!w || w->magic != WRITER_MAGIC)
		return;
	if (w->appended && w->space->pid == eng_sys_pid())
		eng_writer_apply(w, true);
	eng_writer_unlook(w);
	eng_written_free(&w->written);
	if (w->holds_identity)
		eng_space_unlock(w->space, ENG_LOCK_IDENTITY);
	w->space->writers--;
	w->magic = 0;
	eng_free(w->drafts);
	eng_free(w->offsets);
	eng_free(w->unseen);
	eng_idmap_free(&w->unseen_at);
	eng_buf_free(&w->payloads);
	eng_buf_free(&w->frame);
	eng_buf_free(&w->scratch);
	eng_arena_free(&w->arena);
	eng_free(w);
}
