/* lookup.c - ids to memories: resolve, get, export.
 *
 * No snapshot is held while the caller works: `engram-store --export | less`
 * would pin the state's freed pages for hours.  A page of memories is copied,
 * the snapshot let go, the callback called, and the walk goes on by key in a
 * new snapshot.  That all pages are of one moment is a matter of dots: the
 * positions of the first snapshot are kept, and frames beyond them are left
 * out of every item read later.
 *
 * A memory forgotten *and purged* while an export runs is left out: its bytes
 * are gone. */
#include "space/space_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/base32.h"

#define PAGE_MEMORIES 1000u
#define PAGE_BYTES (4u << 20)
#define PAGE_LOOKED 10000u

/* -- ids of a range, ascending, from state and raw frames -------------------------- */

struct ids {
	struct eng_view *view;
	struct eng_walk *walk; /* NULL: no state */
	struct engram_id state, end;
	bool has_state;
	struct engram_id *raw; /* sorted, [at, n) to come */
	size_t at, n;
};

static int compare_ids(const void *a, const void *b)
{
	return eng_id_cmp(a, b);
}

static int collect_raw(struct ids *ids, const struct engram_id *from, struct engram_error *err)
{
	const struct eng_raw *raw = &ids->view->raw;

	ids->raw = eng_alloc((raw->nids + 1) * sizeof *ids->raw);
	if (!ids->raw)
		return eng_err_nomem(err);
	for (size_t i = 0; i < raw->nids; i++)
		if (eng_id_cmp(&raw->ids[i].id, from) >= 0 && eng_id_cmp(&raw->ids[i].id, &ids->end) <= 0)
			ids->raw[ids->n++] = raw->ids[i].id;
	qsort(ids->raw, ids->n, sizeof *ids->raw, compare_ids);
	return 0;
}

static int take_key(struct ids *ids, int r, struct eng_bytes key, struct engram_error *err)
{
	ids->has_state = false;
	if (r < 0)
		return eng_txn_status(ids->view->txn, err);
	if (r == 1 && key.n == sizeof ids->state.b) {
		memcpy(ids->state.b, key.p, key.n);
		ids->has_state = eng_id_cmp(&ids->state, &ids->end) <= 0;
	}
	return 0;
}

static int ids_begin(struct ids *ids, struct eng_view *view, const struct engram_id *from, const struct engram_id *end,
                     struct engram_error *err)
{
	struct eng_bytes key, value;
	int r;

	*ids = (struct ids){.view = view, .end = *end};
	r = collect_raw(ids, from, err);
	if (r < 0 || !view->txn)
		return r;
	r = eng_walk_begin(&ids->walk, view->txn, ENG_T_ITEMS, err);
	if (r < 0)
		return r;
	r = eng_walk_seek(ids->walk, eng_bytes(from->b, sizeof from->b), &key, &value);
	return take_key(ids, r, key, err);
}

/* 1, 0 at the end. */
static int ids_next(struct ids *ids, struct engram_id *out, struct engram_error *err)
{
	bool raw = ids->at < ids->n;
	struct eng_bytes key, value;
	int c = raw && ids->has_state ? eng_id_cmp(&ids->raw[ids->at], &ids->state) : raw ? -1 : 1;

	if (!raw && !ids->has_state)
		return 0;
	*out = c < 0 ? ids->raw[ids->at] : ids->state;
	if (c <= 0)
		ids->at++;
	if (c >= 0) {
		int r = eng_walk_next(ids->walk, &key, &value);
		r = take_key(ids, r, key, err);
		if (r < 0)
			return r;
	}
	return 1;
}

static void ids_end(struct ids *ids)
{
	eng_walk_end(ids->walk);
	eng_free(ids->raw);
}

/* -- resolve --------------------------------------------------------------------------- */

#define CANDIDATES 8u

static int ambiguous(const struct engram_id *ids, size_t n, bool more, const char *text, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	char id[ENGRAM_ID_TEXT + 1];
	int r;

	for (size_t i = 0; i < n; i++) {
		engram_id_format(id, &ids[i]);
		eng_buf_printf(&b, "%s%s", i ? ", " : "", id);
	}
	r = b.failed ? eng_err_nomem(err)
	             : eng_err(err, ENGRAM_EAMBIGUOUS, "%s: it could be %.*s%s", text, (int)b.n, (char *)b.p,
	                       more ? ", or others" : "");
	eng_err_object(err, text);
	eng_err_hint(err, "give more characters of the id");
	eng_buf_free(&b);
	return r;
}

static int find_gone(struct eng_view *v, const struct engram_id *id, bool *gone, struct engram_error *err)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_reading reading;
	struct eng_item item;
	uint32_t doc;
	int r = eng_view_item(v, &item, &doc, id, &arena, err);

	if (r == 0)
		r = eng_item_read(&item, &reading, err);
	if (r == 0)
		*gone = !reading.live;
	eng_arena_free(&arena);
	return r;
}

static int no_such_id(const char *text, struct engram_error *err)
{
	int r = eng_err(err, ENGRAM_ENOID, "no memory has the id %s", text);

	eng_err_object(err, text);
	return r;
}

int eng_no_such_id(const struct engram_id *id, struct engram_error *err)
{
	char text[ENGRAM_ID_TEXT + 1];

	engram_id_format(text, id);
	return no_such_id(text, err);
}

/* No memory; but a whole id may be spoken of elsewhere, and what is said of it may
 * be to be forgotten. */
static int find_mentioned(struct eng_view *v, struct engram_id *id, bool *gone, const struct engram_id *lo,
                          const struct engram_id *hi, const char *text, struct engram_error *err)
{
	int r = eng_id_cmp(lo, hi) == 0 ? eng_view_knows(v, lo, err) : 0;

	*id = *lo;
	*gone = false;
	if (r == 0)
		return no_such_id(text, err);
	return r < 0 ? r : 0;
}

static int resolve(struct eng_view *v, struct engram_id *id, bool *gone, const struct engram_id *lo,
                   const struct engram_id *hi, const char *text, struct engram_error *err)
{
	struct engram_id found[CANDIDATES + 1];
	struct ids ids;
	size_t n = 0;
	int r = ids_begin(&ids, v, lo, hi, err);

	while (r >= 0 && n <= CANDIDATES && (r = ids_next(&ids, &found[n], err)) == 1)
		n++;
	ids_end(&ids);
	if (r < 0)
		return r;
	if (n == 0)
		return find_mentioned(v, id, gone, lo, hi, text, err);
	if (n > 1)
		return ambiguous(found, n < CANDIDATES ? n : CANDIDATES, n > CANDIDATES, text, err);
	*id = found[0];
	return find_gone(v, id, gone, err);
}

/* 26 characters hold 130 bits: one that begins above 7 is written like an id,
 * but no memory has it. */
static bool beyond_ids(const char *text, size_t n)
{
	struct engram_id lo, hi;
	char first[2] = {'0', text[0]}, rest[ENGRAM_ID_TEXT];

	memcpy(rest, text, n);
	rest[0] = '0';
	return eng_base32_range(&lo, &hi, first, 2) && eng_base32_range(&lo, &hi, rest, n);
}

static int parse_prefix(struct engram_id *lo, struct engram_id *hi, const char *text, struct engram_error *err)
{
	size_t n = text ? strlen(text) : 0;
	bool fits = n >= ENGRAM_ID_PREFIX_MIN && n <= ENGRAM_ID_TEXT;
	int r;

	if (fits && eng_base32_range(lo, hi, text, n))
		return 0;
	if (fits && beyond_ids(text, n))
		return no_such_id(text, err);
	r = eng_err(err, ENGRAM_EINPUT, "id: wanted %u to %u base-32 characters, found \"%.40s\"",
	            ENGRAM_ID_PREFIX_MIN, ENGRAM_ID_TEXT, text ? text : "");
	eng_err_object(err, text ? text : "");
	return r;
}

int engram_resolve(struct engram_space *space, struct engram_id *id, bool *gone, const char *text,
                   struct engram_error *err)
{
	struct engram_id lo, hi, found;
	struct eng_view v = {0};
	bool dead = false;
	int r = eng_space_check_handle(space, err);

	if (r == 0)
		r = parse_prefix(&lo, &hi, text, err);
	if (r < 0)
		return r;
	r = eng_view_open(&v, space, err);
	if (r == 0)
		r = resolve(&v, &found, &dead, &lo, &hi, text, err);
	eng_view_close(&v);
	if (r < 0)
		return r;
	*id = found;
	if (gone)
		*gone = dead;
	return 0;
}

/* -- pages of memories --------------------------------------------------------------------- */

/* The moment: how far each series was read by the first snapshot.  And which
 * memories are wanted; accept NULL = all. */
struct cut {
	struct eng_head *heads;
	size_t n;
	eng_accept_fn *accept;
	void *data;
};

struct page {
	struct eng_arena arena;
	struct engram_memory **memories; /* NULL = not there */
	size_t n, cap, bytes;
	size_t looked; /* ids, wanted or not */
};

static void page_reset(struct page *p)
{
	eng_arena_reset(&p->arena);
	p->n = p->bytes = p->looked = 0;
}

static void page_free(struct page *p)
{
	eng_arena_free(&p->arena);
	eng_free(p->memories);
}

static int page_add(struct page *p, struct engram_memory *m, struct engram_error *err)
{
	if (!eng_grow(&p->memories, &p->cap, p->n, sizeof *p->memories))
		return eng_err_nomem(err);
	p->memories[p->n++] = m;
	if (m)
		p->bytes += m->text.n + m->meta.n + 4 * m->dim + m->nlinks * sizeof *m->links;
	return 0;
}

static bool page_full(const struct page *p)
{
	return p->n >= PAGE_MEMORIES || p->bytes >= PAGE_BYTES || p->looked >= PAGE_LOOKED;
}

static int page_call(const struct page *p, engram_memory_fn *fn, void *data)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n; i++)
		r = fn(data, p->memories[i]);
	return r;
}

static int cut_take(struct cut *cut, const struct eng_view *v, struct engram_error *err)
{
	cut->heads = eng_calloc(v->nheads + v->raw.nheads + 1, sizeof *cut->heads);
	if (!cut->heads)
		return eng_err_nomem(err);
	for (size_t i = 0; i < v->raw.nheads; i++) /* these begin where the state's end */
		cut->heads[cut->n++] = v->raw.heads[i];
	for (size_t i = 0; i < v->nheads; i++)
		if (!eng_raw_head(&v->raw, &v->heads[i].series))
			cut->heads[cut->n++] = v->heads[i];
	return 0;
}

/* Leaves out the dots that came after the moment. */
static void cut_item(struct eng_item *item, const struct cut *cut, const struct eng_view *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < item->ndots; i++)
		if (eng_view_within(v, cut->heads, cut->n, &item->dots[i].dot, item->dots[i].place))
			item->dots[kept++] = item->dots[i];
	item->ndots = kept;
}

/* The memory as of the moment, NULL if it is not live or its bytes are gone. */
static int read_memory(struct engram_memory **out, struct eng_view *v, const struct engram_id *id,
                       const struct cut *cut, struct page *page, struct eng_arena *scratch, struct engram_error *err)
{
	struct eng_reading reading;
	struct eng_item item;
	uint32_t doc;
	int r;

	*out = NULL;
	eng_arena_reset(scratch);
	r = eng_view_item(v, &item, &doc, id, scratch, err);
	if (r < 0)
		return r;
	if (cut)
		cut_item(&item, cut, v);
	if (item.ndots == 0)
		return 0;
	r = eng_item_read(&item, &reading, err);
	if (r < 0 || !reading.live || (cut && cut->accept && !cut->accept(cut->data, &reading)))
		return r;
	*out = eng_arena_calloc(&page->arena, 1, sizeof **out);
	if (!*out)
		return eng_err_nomem(err);
	r = eng_memory_build(*out, v->space, &item, &reading, &page->arena, err);
	if (r == 0)
		r = eng_memory_links(*out, v, reading.forgotten, cut ? cut->heads : NULL, cut ? cut->n : 0, &page->arena,
		                     err);
	if (r != ENGRAM_ENOID)
		return r;
	*out = NULL;
	return 0;
}

/* -- get ------------------------------------------------------------------------------------ */

static int get_page(struct engram_space *space, struct page *page, const struct engram_id *ids, size_t n,
                    struct engram_error *err)
{
	struct eng_arena scratch = ENG_ARENA_INIT;
	struct engram_memory *m;
	struct eng_view v = {0};
	int r = eng_view_open(&v, space, err);

	for (size_t i = 0; r == 0 && i < n && !page_full(page); i++) {
		r = read_memory(&m, &v, &ids[i], NULL, page, &scratch, err);
		if (r == 0)
			r = page_add(page, m, err);
	}
	eng_view_close(&v);
	eng_arena_free(&scratch);
	return r;
}

int engram_get(struct engram_space *space, const struct engram_id *ids, size_t n, engram_memory_fn *fn, void *data,
               struct engram_error *err)
{
	struct page page = {.arena = ENG_ARENA_INIT};
	int r = eng_space_check_handle(space, err);

	for (size_t at = 0; r == 0 && at < n; at += page.n) {
		page_reset(&page);
		r = get_page(space, &page, ids + at, n - at, err);
		if (r == 0)
			r = page_call(&page, fn, data);
	}
	page_free(&page);
	return r;
}

/* -- export ----------------------------------------------------------------------------------- */

struct export {
	struct eng_view view;
	bool open;
	struct cut cut;
	struct engram_id next; /* to go on from */
	bool done;
	struct page page;
	struct eng_arena scratch;
};

static bool id_after(struct engram_id *id)
{
	for (int i = 15; i >= 0; i--)
		if (++id->b[i])
			return true;
	return false; /* it was the last of all */
}

static int export_page(struct export *e, struct engram_error *err)
{
	struct engram_id last, id;
	struct engram_memory *m;
	struct ids ids;
	int r;

	memset(last.b, 0xff, sizeof last.b);
	r = ids_begin(&ids, &e->view, &e->next, &last, err);
	while (r >= 0 && !e->done && !page_full(&e->page)) {
		r = ids_next(&ids, &id, err);
		e->done = r == 0;
		if (r <= 0)
			break;
		e->page.looked++;
		r = read_memory(&m, &e->view, &id, &e->cut, &e->page, &e->scratch, err);
		if (r == 0 && m)
			r = page_add(&e->page, m, err);
		e->next = id;
		e->done = !id_after(&e->next);
	}
	ids_end(&ids);
	return r < 0 ? r : 0;
}

/* Without state nothing is pinned, and reading the log again for each page
 * would be quadratic: such a view is kept. */
static int export_next(struct export *e, struct engram_space *space, struct engram_error *err)
{
	int r = 0;

	page_reset(&e->page);
	if (!e->open) {
		r = eng_view_open(&e->view, space, err);
		e->open = r == 0;
		if (r == 0 && !e->cut.heads)
			r = cut_take(&e->cut, &e->view, err);
	}
	if (r == 0)
		r = export_page(e, err);
	if (e->open && e->view.txn) {
		eng_view_close(&e->view);
		e->open = false;
	}
	return r;
}

int eng_space_export(struct engram_space *space, eng_accept_fn *accept, engram_memory_fn *fn, void *data,
                     struct engram_error *err)
{
	struct export e = {.page.arena = ENG_ARENA_INIT, .scratch = ENG_ARENA_INIT, .cut = {NULL, 0, accept, data}};
	int r = eng_space_check_handle(space, err);

	while (r == 0 && !e.done) {
		r = export_next(&e, space, err);
		if (r == 0)
			r = page_call(&e.page, fn, data);
	}
	if (e.open)
		eng_view_close(&e.view);
	eng_free(e.cut.heads);
	page_free(&e.page);
	eng_arena_free(&e.scratch);
	return r;
}

int engram_export(struct engram_space *space, engram_memory_fn *fn, void *data, struct engram_error *err)
{
	return eng_space_export(space, NULL, fn, data, err);
}

static bool in_conflict(void *data, const struct eng_reading *r)
{
	(void)data;
	return r->nconflicts > 0;
}

int engram_conflicts(struct engram_space *space, engram_memory_fn *fn, void *data, struct engram_error *err)
{
	return eng_space_export(space, in_conflict, fn, data, err);
}

/* -- all of a view that pins nothing ------------------------------------------------------------- */

static int view_memory(struct eng_view *v, const struct engram_id *id, struct page *page, struct eng_arena *scratch,
                       eng_view_memory_fn *fn, void *data, struct engram_error *err)
{
	struct engram_error why = {0};
	struct engram_memory *m;
	int r;

	page_reset(page);
	r = read_memory(&m, v, id, NULL, page, scratch, &why);
	if (r == 0)
		return m ? fn(data, id, m, NULL) : 0;
	if (r != ENGRAM_ENOMEM)
		return fn(data, id, NULL, &why);
	return eng_err_nomem(err);
}

int eng_view_memories(struct eng_view *v, eng_view_memory_fn *fn, void *data, struct engram_error *err)
{
	struct page page = {.arena = ENG_ARENA_INIT};
	struct eng_arena scratch = ENG_ARENA_INIT;
	struct engram_id first = {{0}}, last, id;
	struct ids ids;
	int r;

	memset(last.b, 0xff, sizeof last.b);
	r = ids_begin(&ids, v, &first, &last, err);
	while (r >= 0 && (r = ids_next(&ids, &id, err)) == 1)
		if ((r = view_memory(v, &id, &page, &scratch, fn, data, err)) != 0)
			break;
	ids_end(&ids);
	page_free(&page);
	eng_arena_free(&scratch);
	return r;
}
