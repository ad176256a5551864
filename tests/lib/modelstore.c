/* modelstore.c - the logs of a model store, its forks, and looking at both. */
#include "modelstore_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/le.h"
#include "frame/hlc.h"
#include "frame/segment.h"
#include "sync/wire.h"

void *modelstore_room(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		abort();
	return p;
}

static void id_from(uint8_t out[16], const char *what, uint64_t seed, uint64_t n)
{
	uint8_t in[64] = {0};
	XXH128_canonical_t raw;

	snprintf((char *)in, 32, "%s", what);
	eng_set64(in + 32, seed);
	eng_set64(in + 40, n);
	XXH128_canonicalFromHash(&raw, XXH3_128bits(in, sizeof in));
	memcpy(out, raw.digest, 16);
}

/* -- logs -------------------------------------------------------------------------- */

static void free_log(struct modelstore_log *log)
{
	for (size_t i = 0; i < log->n; i++)
		free(log->frames[i].p);
	free(log->frames);
}

struct modelstore_log *modelstore_find_log(const struct modelstore *m, const struct eng_series *name)
{
	for (size_t i = 0; i < m->nlogs; i++)
		if (eng_series_cmp(&m->logs[i].name, name) == 0)
			return &m->logs[i];
	return NULL;
}

/* Moves all logs: pointers to them are then void. */
struct modelstore_log *modelstore_make_log(struct modelstore *m, const struct eng_series *name,
                                           const struct eng_series *series, uint64_t first)
{
	struct modelstore_log *log = modelstore_find_log(m, name);
	size_t at = 0;

	if (log)
		return log;
	if (m->nlogs == m->cap)
		m->logs = modelstore_room(m->logs, (m->cap = 2 * m->cap + 4) * sizeof *m->logs);
	while (at < m->nlogs && eng_series_cmp(&m->logs[at].name, name) < 0)
		at++;
	log = &m->logs[at];
	memmove(log + 1, log, (m->nlogs++ - at) * sizeof *log);
	*log = (struct modelstore_log){.name = *name, .series = *series, .first = first};
	return log;
}

void modelstore_add_frame(struct modelstore_log *log, const uint8_t *p, const struct eng_header *h)
{
	struct modelstore_bytes *f;

	if (log->n == log->cap)
		log->frames = modelstore_room(log->frames, (log->cap = 2 * log->cap + 8) * sizeof *log->frames);
	f = &log->frames[log->n++];
	*f = (struct modelstore_bytes){*h, modelstore_room(NULL, eng_frame_size(h->payload_len)),
	                               eng_frame_size(h->payload_len)};
	memcpy(f->p, p, f->n);
}

struct modelstore_bytes *modelstore_frame_at(const struct modelstore_log *log, uint64_t seq)
{
	return seq >= log->first && seq - log->first < log->n ? &log->frames[seq - log->first] : NULL;
}

struct modelstore_bytes *modelstore_find(const struct modelstore *m, const struct eng_dot *dot, uint32_t check)
{
	for (size_t i = 0; i < m->nlogs; i++) {
		struct modelstore_bytes *f = eng_series_cmp(&m->logs[i].series, &dot->series) == 0 ?
		                                     modelstore_frame_at(&m->logs[i], dot->seq) : NULL;
		if (f && (check == 0 || f->h.header_check == check))
			return f;
	}
	return NULL;
}

/* -- making and copying --------------------------------------------------------------- */

struct modelstore *modelstore_new(uint64_t seed)
{
	struct modelstore *m = calloc(1, sizeof *m);

	if (!m)
		abort();
	m->seed = seed;
	m->self = (struct eng_sync_self){.created_us = (int64_t)seed, .empty = true, .state_version = 1};
	id_from(m->self.space.b, "space", seed, 0);
	return m;
}

static void forget_derived(struct modelstore *m)
{
	for (size_t i = 0; i < m->nlogs; i++)
		m->logs[i].napplied = 0;
}

struct modelstore *modelstore_copy(const struct modelstore *m)
{
	struct modelstore *out = modelstore_new(m->seed);

	out->self = m->self;
	out->nseries = m->nseries;
	out->own = m->own;
	out->wall_us = m->wall_us;
	out->forks = modelstore_room(NULL, m->nforks * sizeof *m->forks);
	out->nforks = m->nforks;
	if (m->nforks)
		memcpy(out->forks, m->forks, m->nforks * sizeof *m->forks);
	for (size_t i = 0; i < m->nlogs; i++) {
		const struct modelstore_log *from = &m->logs[i];
		struct modelstore_log *log = modelstore_make_log(out, &from->name, &from->series, from->first);
		log->own = from->own;
		for (size_t k = 0; k < from->ndurable; k++)
			modelstore_add_frame(log, from->frames[k].p, &from->frames[k].h);
		log->ndurable = log->n;
	}
	return out;
}

void modelstore_free(struct modelstore *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->nlogs; i++)
		free_log(&m->logs[i]);
	free(m->logs);
	free(m->forks);
	free(m->received);
	free(m->wanted);
	free(m->items);
	free(m);
}

void modelstore_clock(struct modelstore *m, int64_t wall_us)
{
	m->wall_us = wall_us;
}

void modelstore_drop_empty(struct modelstore *m)
{
	for (size_t i = m->nlogs; i-- > 0;)
		if (m->logs[i].n == 0) {
			free_log(&m->logs[i]);
			memmove(&m->logs[i], &m->logs[i + 1], (--m->nlogs - i) * sizeof *m->logs);
		}
}

void modelstore_crash(struct modelstore *m)
{
	for (size_t i = 0; i < m->nlogs; i++) {
		struct modelstore_log *log = &m->logs[i];
		while (log->n > log->ndurable)
			free(log->frames[--log->n].p);
	}
	modelstore_drop_empty(m);
	if (!modelstore_find_log(m, &m->own))
		memset(&m->own, 0, sizeof m->own);
	m->self.empty = m->nlogs == 0;
	forget_derived(m);
}

long modelstore_fail_at(struct modelstore *m, long n)
{
	long calls = m->calls;

	m->calls = 0;
	m->fail_at = n;
	return calls;
}

/* -- writing ---------------------------------------------------------------------------- */

static eng_stamp next_stamp(const struct modelstore *m, const struct modelstore_log *own)
{
	const eng_stamp horizon = eng_hlc_horizon(m->wall_us, ENG_HOLD_BOUND_MS);
	eng_stamp floor = 0, stamp;

	for (size_t i = 0; i < m->nlogs; i++)
		for (size_t k = 0; k < m->logs[i].n; k++) {
			stamp = m->logs[i].frames[k].h.stamp;
			if (stamp > floor && !eng_hlc_held(stamp, horizon, m->logs[i].own))
				floor = stamp;
		}
	return eng_hlc_next(m->wall_us, own->n ? own->frames[own->n - 1].h.stamp : 0, floor);
}

static struct modelstore_log *own_log(struct modelstore *m)
{
	static const struct eng_series none;
	struct modelstore_log *log = eng_series_cmp(&m->own, &none) ? modelstore_find_log(m, &m->own) : NULL;

	if (log)
		return log;
	id_from(m->own.b, "series", m->seed, ++m->nseries);
	log = modelstore_make_log(m, &m->own, &m->own, 1);
	log->own = true;
	m->self.empty = false;
	return log;
}

void modelstore_append(struct modelstore *m, struct eng_dot *dot, const struct modelstore_frame *f)
{
	struct modelstore_log *log = own_log(m);
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_payload_out o;
	struct eng_header h = {.version = ENG_FRAME_VERSION, .kind = f->kind, .flags = f->flags, .series = log->series,
	                       .seq = log->first + log->n, .prev = log->n ? log->frames[log->n - 1].h.header_check : 0,
	                       .space_check = eng_frame_space_check(&m->self.space), .stamp = next_stamp(m, log)};

	eng_buf_zero(&b, ENG_FRAME_HEADER);
	eng_payload_begin(&o, &b, f->id, f->id != NULL, NULL, 0, NULL);
	if (f->text)
		eng_payload_element(&o, ENG_EL_TEXT, f->text, strlen(f->text));
	if (f->filler)
		memset(eng_payload_space(&o, 999, f->filler), 'f', f->filler);
	h.payload_len = (uint32_t)eng_payload_end(&o);
	eng_buf_zero(&b, eng_frame_size(h.payload_len) - b.n);
	if (b.failed)
		abort();
	h.payload_check = XXH3_64bits(b.p + ENG_FRAME_HEADER, h.payload_len);
	eng_header_encode(b.p, &h);
	modelstore_add_frame(log, b.p, &h);
	eng_buf_free(&b);
	if (dot)
		*dot = (struct eng_dot){h.series, h.seq};
}

struct engram_id modelstore_remember(struct modelstore *m, struct eng_dot *dot, const char *text)
{
	struct engram_id id;
	struct modelstore_frame f = {.kind = ENG_MEMORY, .id = &id, .text = text};

	id_from(id.b, text, 0, 0);
	modelstore_append(m, dot, &f);
	return id;
}

void modelstore_forget(struct modelstore *m, struct eng_dot *dot, const struct engram_id *id)
{
	struct modelstore_frame f = {.kind = ENG_FORGET, .id = id};

	modelstore_append(m, dot, &f);
}

void modelstore_new_series(struct modelstore *m)
{
	memset(&m->own, 0, sizeof m->own);
	m->seed ^= 0x5851f42d4c957f2dull + (uint64_t)m->wall_us; /* two copies mint two */
}

void modelstore_flush(struct modelstore *m)
{
	for (size_t i = 0; i < m->nlogs; i++)
		m->logs[i].ndurable = m->logs[i].n;
}

size_t modelstore_purge(struct modelstore *m)
{
	return modelstate_purge(m);
}

void modelstore_lose(struct modelstore *m, struct eng_series name)
{
	struct modelstore_log *log = modelstore_find_log(m, &name);

	if (!log)
		abort();
	while (log->n > 0)
		free(log->frames[--log->n].p);
	modelstore_drop_empty(m);
	forget_derived(m);
	if (eng_series_cmp(&m->own, &name) == 0)
		memset(&m->own, 0, sizeof m->own);
}

void modelstore_state_version(struct modelstore *m, uint32_t version)
{
	m->self.state_version = version;
}

/* -- forks -------------------------------------------------------------------------------- */

bool modelstore_is_fork(const struct modelstore *m, const struct eng_series *series, uint64_t seq)
{
	for (size_t i = 0; i < m->nforks; i++)
		if (m->forks[i].seq == seq && eng_series_cmp(&m->forks[i].series, series) == 0)
			return true;
	return false;
}

static void cut(struct modelstore *m, struct modelstore_log *log, uint64_t seq)
{
	const size_t keep = (size_t)(seq - log->first);
	struct modelstore_log old = *log, *branch;
	struct eng_series name;

	eng_branch_name(&name, old.frames[keep].p);
	branch = modelstore_make_log(m, &name, &old.series, seq);
	for (size_t k = keep; k < old.n; k++)
		modelstore_add_frame(branch, old.frames[k].p, &old.frames[k].h);
	branch->own = old.own;
	branch->ndurable = old.ndurable > keep ? old.ndurable - keep : 0;
	branch->napplied = old.napplied > keep ? old.napplied - keep : 0;
	if (eng_series_cmp(&m->own, &old.name) == 0)
		memset(&m->own, 0, sizeof m->own); /* another store writes it: closed */
	log = modelstore_find_log(m, &old.name);
	while (log->n > keep)
		free(log->frames[--log->n].p);
	log->ndurable = log->ndurable < keep ? log->ndurable : keep;
	log->napplied = log->napplied < keep ? log->napplied : keep;
}

void modelstore_add_fork(struct modelstore *m, const struct eng_series *series, uint64_t seq)
{
	struct eng_sync_fork fork = {*series, seq};
	size_t at = 0;

	if (modelstore_is_fork(m, series, seq))
		return;
	m->forks = modelstore_room(m->forks, (m->nforks + 1) * sizeof *m->forks);
	while (at < m->nforks && eng_wire_fork_cmp(&m->forks[at], &fork) < 0)
		at++;
	memmove(&m->forks[at + 1], &m->forks[at], (m->nforks++ - at) * sizeof *m->forks);
	m->forks[at] = fork;
	for (size_t i = 0; i < m->nlogs; i++) {
		struct modelstore_log *log = &m->logs[i];
		if (eng_series_cmp(&log->series, series) == 0 && modelstore_frame_at(log, seq) &&
		    (log->first < seq || eng_series_cmp(&log->name, series) == 0)) {
			cut(m, log, seq);
			i = SIZE_MAX; /* logs moved: look again from the first */
		}
	}
	modelstore_drop_empty(m);
}

/* -- looking ----------------------------------------------------------------------------------- */

size_t modelstore_nlogs(const struct modelstore *m)
{
	return m->nlogs;
}

const struct modelstore_log *modelstore_log(const struct modelstore *m, size_t i)
{
	return &m->logs[i];
}

size_t modelstore_nforks(const struct modelstore *m)
{
	return m->nforks;
}

uint64_t modelstore_frames(const struct modelstore *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->nlogs; i++)
		n += m->logs[i].ndurable;
	return n;
}

struct eng_series modelstore_own(const struct modelstore *m)
{
	return m->own;
}

bool modelstore_live(struct modelstore *m, const struct engram_id *id)
{
	struct modelstate_item *items;
	bool live = false;
	size_t n;

	modelstate_apply(m);
	items = modelstate_items(m, &n);
	for (size_t i = 0; items && i < n; i++)
		live |= items[i].live && eng_id_cmp(&items[i].id, id) == 0;
	free(items);
	return live;
}

void modelstore_lie(struct modelstore *m, const struct engram_id *id)
{
	m->lie = *id;
	m->lies = true;
}

static bool same_frame(const struct modelstore_bytes *a, const struct modelstore_bytes *b)
{
	if (a->n != b->n || a->h.header_check != b->h.header_check)
		return false;
	return ((a->h.flags | b->h.flags) & ENG_FLAG_STUB) != 0 || memcmp(a->p, b->p, a->n) == 0;
}

static const char *log_difference(struct modelstore *m, const struct modelstore_log *a, const struct modelstore_log *b)
{
	char name[ENG_SERIES_NAME + 1];
	size_t k = 0;

	eng_series_name(name, &a->name);
	if (eng_series_cmp(&a->name, &b->name) != 0 || a->first != b->first) {
		snprintf(m->text, sizeof m->text, "series %s from %llu, or another", name, (unsigned long long)a->first);
		return m->text;
	}
	while (k < a->ndurable && k < b->ndurable && same_frame(&a->frames[k], &b->frames[k]))
		k++;
	if (k == a->ndurable && k == b->ndurable)
		return NULL;
	snprintf(m->text, sizeof m->text, "series %s: frame %llu of %zu and %zu", name,
	         (unsigned long long)a->first + k, a->ndurable, b->ndurable);
	return m->text;
}

const char *modelstore_difference(struct modelstore *a, struct modelstore *b)
{
	struct eng_sync_digest x, y;
	const char *text;

	if (eng_id_cmp(&a->self.space, &b->self.space) != 0)
		return "space ids";
	if (a->nforks != b->nforks || (a->nforks && memcmp(a->forks, b->forks, a->nforks * sizeof *a->forks) != 0))
		return "forks";
	if (a->nlogs != b->nlogs)
		return "number of series";
	for (size_t i = 0; i < a->nlogs; i++)
		if ((text = log_difference(a, &a->logs[i], &b->logs[i])))
			return text;
	(void)modelstore_digest(a, &x, NULL);
	(void)modelstore_digest(b, &y, NULL);
	if (memcmp(x.vector, y.vector, 16) != 0)
		return "applied vectors";
	return memcmp(x.state, y.state, 16) != 0 ? "digests" : NULL;
}
