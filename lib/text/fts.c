/* fts.c - the text view: an FTS5 index over our own words and our own BM25.
 *
 *   words   FTS5, contentless, one row a document:
 *           rowid = document << 8 | length class, so that scoring a match needs
 *           no second lookup (FTS5's own size table costs one per match)
 *   docs    the documents it holds, for comparing with the state
 *   meta    build, version, watermark
 *
 * FTS5 keeps positions (detail=full) because without them it keeps no counts.
 *
 * Searching is one step of one statement: its auxiliary function, in the WHERE
 * clause, sees every match, keeps the best in a heap and lets none through.
 * (Five words over 100,000 glosses: 0.6 ms; FTS5's own bm25() takes 1.4.)
 *
 * A reader holds one read transaction from eng_fts_watermark to eng_fts_idle, so
 * that watermark and matches are of one moment.  The view is disposable:
 * anything wrong with the file is ENGRAM_EVERSION, and its writer makes it anew. */
#include "text/text_int.h"

#include "base/alloc.h"

struct eng_fts {
	struct eng_sql *db;
	struct eng_sql_stmt *search;
	char *path;
	uint8_t build[16];
	unsigned sql_flags;
	bool pinned; /* a reader's transaction is open */
	/* writer */
	struct eng_sql_stmt *add, *remove, *add_doc, *remove_doc;
	struct eng_buf stems; /* of the text at hand */
	struct search *running; /* NULL between searches */
};

/* What the auxiliary function needs of the search it serves. */
struct search {
	const struct eng_query *q;
	struct eng_top *top;
	struct eng_text_hit *also; /* ascending doc */
	size_t nalso;
	const struct eng_text_filter *filter;
};

static const char schema[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE docs (doc INTEGER PRIMARY KEY);"
	"CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0, tokenize='engram')";

/* -- words --------------------------------------------------------------- */

/* What FTS5 is given are stems, a blank behind each; it keeps neither text nor
 * offsets, only which stem stands at which place. */
static int tokenize(const char *stems, size_t n, void *ctx, eng_sql_token_fn *token)
{
	const char *p = stems, *end = stems + n;
	int rc = 0;
	while (rc == 0 && p < end) {
		const char *blank = memchr(p, ' ', (size_t)(end - p));
		size_t length = (size_t)((blank ? blank : end) - p);
		rc = token(ctx, p, length, (size_t)(p - stems), (size_t)(p - stems) + length);
		p += length + 1;
	}
	return rc;
}

struct stems {
	struct eng_buf *out;
	uint32_t tokens;
};

static int add_stem(void *data, const struct eng_word *w)
{
	struct stems *s = data;
	eng_buf_add(s->out, w->stem, w->nstem);
	eng_buf_byte(s->out, ' ');
	s->tokens++;
	return 0;
}

/* -- ranking ------------------------------------------------------------- */

/* The hit on `doc` among those ascending, or NULL. */
static struct eng_text_hit *find(struct eng_text_hit *hits, size_t n, uint32_t doc)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (hits[mid].doc < doc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && hits[lo].doc == doc ? &hits[lo] : NULL;
}

static int rank(void *data, const struct eng_sql_match *m, int64_t *score)
{
	struct search *s = ((struct eng_fts *)data)->running;
	uint32_t tf[ENG_QUERY_TERMS_MAX];
	if (!s || (size_t)m->phrases != s->q->n || m->counts(m, tf) != 0)
		return ENGRAM_EDAMAGED;
	struct eng_text_hit hit = {.doc = (uint32_t)(m->rowid >> 8)};
	hit.bm25 = eng_bm25(s->q, tf, eng_class_length(m->rowid & 255));
	struct eng_text_hit *also = find(s->also, s->nalso, hit.doc);
	if (also)
		also->bm25 = hit.bm25;
	if (!eng_top_takes(s->top, &hit))
		return 0;
	if (s->filter && s->filter->accept && !s->filter->accept(s->filter->ctx, hit.doc))
		return 0;
	eng_top_push(s->top, &hit);
	return 0;
}

/* -- opening ------------------------------------------------------------- */

static void bind_key(struct eng_sql_stmt *s, const char *key)
{
	eng_sql_bind_text(s, 1, key, strlen(key));
}

/* The value of a meta key, appended to out. */
static int get_meta(struct eng_fts *f, struct eng_buf *out, const char *key, struct engram_error *err)
{
	struct eng_sql_stmt *s = NULL;
	int rc = eng_sql_prepare(&s, f->db, "SELECT value FROM meta WHERE key = ?1", err);
	if (rc != 0)
		return rc;
	bind_key(s, key);
	rc = eng_sql_step(s, err);
	if (rc > 0) {
		struct engram_str v = eng_sql_text(s, 0);
		eng_buf_add(out, v.p, v.n);
		rc = out->failed ? eng_err_nomem(err) : 0;
	}
	eng_sql_finish(s);
	return rc;
}

static int set_meta(struct eng_fts *f, const char *key, const void *p, size_t n, struct engram_error *err)
{
	struct eng_sql_stmt *s = NULL;
	int rc = eng_sql_prepare(&s, f->db, "REPLACE INTO meta VALUES (?1, ?2)", err);
	if (rc != 0)
		return rc;
	bind_key(s, key);
	eng_sql_bind_blob(s, 2, p, n);
	rc = eng_sql_step(s, err);
	eng_sql_finish(s);
	return rc;
}

static int is_empty(struct eng_fts *f, bool *empty, struct engram_error *err)
{
	struct eng_sql_stmt *s = NULL;
	int rc = eng_sql_prepare(&s, f->db, "SELECT count(*) FROM sqlite_schema", err);
	if (rc == 0)
		rc = eng_sql_step(s, err);
	if (rc > 0) {
		*empty = eng_sql_i64(s, 0) == 0;
		rc = 0;
	}
	eng_sql_finish(s);
	return rc;
}

/* What the file says of itself: 16 bytes of build, then the version. */
static void stamp_of(uint8_t out[20], const uint8_t build[16])
{
	memcpy(out, build, 16);
	for (int i = 0; i < 4; i++)
		out[16 + i] = (uint8_t)(ENG_TEXT_VERSION >> 8 * i);
}

static int create(struct eng_fts *f, const uint8_t build[16], struct engram_error *err)
{
	uint8_t stamp[20];
	stamp_of(stamp, build);
	int rc = eng_fts_begin(f, err);
	if (rc == 0)
		rc = eng_sql_exec(f->db, schema, err);
	if (rc == 0)
		rc = set_meta(f, "stamp", stamp, sizeof stamp, err);
	return rc ? rc : eng_fts_commit(f, NULL, 0, err);
}

static int check(struct eng_fts *f, const uint8_t build[16], struct engram_error *err)
{
	struct eng_buf found = ENG_BUF_INIT;
	uint8_t stamp[20];
	stamp_of(stamp, build);
	int rc = get_meta(f, &found, "stamp", err);
	if (rc == 0 && (found.n != sizeof stamp || memcmp(found.p, stamp, sizeof stamp) != 0))
		rc = eng_err(err, ENGRAM_EVERSION, "text view: wanted the one of this state, found another");
	eng_buf_free(&found);
	return rc;
}

static int set_up(struct eng_fts *f, struct engram_error *err)
{
	bool empty = false;
	int rc = eng_sql_fts_tokenizer(f->db, "engram", tokenize, err);
	if (rc == 0)
		rc = eng_sql_fts_score(f->db, "engram_rank", rank, f, err);
	if (rc == 0 && f->sql_flags & ENG_SQL_WRITE)
		rc = is_empty(f, &empty, err);
	if (rc == 0)
		rc = empty ? create(f, f->build, err) : check(f, f->build, err);
	return rc;
}

static void disconnect(struct eng_fts *f)
{
	eng_sql_finish(f->search);
	eng_sql_finish(f->add);
	eng_sql_finish(f->remove);
	eng_sql_finish(f->add_doc);
	eng_sql_finish(f->remove_doc);
	eng_sql_close(f->db);
	f->db = NULL;
	f->search = f->add = f->remove = f->add_doc = f->remove_doc = NULL;
	f->pinned = false;
}

static int connect(struct eng_fts *f, struct engram_error *err)
{
	int rc = eng_sql_open(&f->db, f->path, f->sql_flags, err);
	if (rc == 0)
		rc = set_up(f, err);
	if (rc == 0)
		return 0;
	disconnect(f);
	/* A table that is not there is as unusable as a page that is not whole. */
	if (rc != ENGRAM_EDAMAGED && rc != ENGRAM_EINTERNAL)
		return rc;
	if (err)
		err->code = ENGRAM_EVERSION;
	return ENGRAM_EVERSION;
}

int eng_fts_open(struct eng_fts **f, const char *path, unsigned sql_flags, const uint8_t build[16],
                 struct engram_error *err)
{
	struct eng_fts *fts = eng_calloc(1, sizeof *fts);
	int rc = ENGRAM_ENOMEM;
	if (fts)
		fts->path = eng_alloc(strlen(path) + 1);
	if (!fts || !fts->path) {
		eng_err_nomem(err);
		goto out;
	}
	memcpy(fts->path, path, strlen(path) + 1);
	memcpy(fts->build, build, sizeof fts->build);
	fts->sql_flags = sql_flags;
	rc = connect(fts, err);
out:
	if (rc == 0)
		*f = fts;
	else
		eng_fts_close(fts);
	return rc;
}

void eng_fts_close(struct eng_fts *f)
{
	if (!f)
		return;
	if (f->db)
		disconnect(f);
	eng_buf_free(&f->stems);
	eng_free(f->path);
	eng_free(f);
}

/* -- one moment ---------------------------------------------------------- */

void eng_fts_idle(struct eng_fts *f)
{
	if (f->pinned)
		eng_sql_exec(f->db, "COMMIT", NULL);
	f->pinned = false;
}

/* A reader's transaction begins anew; one that stands in the way of a writer
 * of this process connects anew first. */
static int pin(struct eng_fts *f, struct engram_error *err)
{
	eng_fts_idle(f);
	if (!f->db || eng_sql_outdated(f->db)) {
		disconnect(f);
		int rc = connect(f, err);
		if (rc != 0)
			return rc;
	}
	int rc = eng_sql_exec(f->db, "BEGIN", err);
	f->pinned = rc == 0;
	return rc;
}

int eng_fts_watermark(struct eng_fts *f, struct eng_buf *out, struct engram_error *err)
{
	int rc = f->sql_flags & ENG_SQL_WRITE ? 0 : pin(f, err);
	return rc ? rc : get_meta(f, out, "watermark", err);
}

/* -- writing ------------------------------------------------------------- */

int eng_fts_begin(struct eng_fts *f, struct engram_error *err)
{
	return eng_sql_exec(f->db, "BEGIN IMMEDIATE", err);
}

static int once(struct eng_sql_stmt **s, struct eng_sql *db, const char *sql, struct engram_error *err)
{
	return *s ? 0 : eng_sql_prepare(s, db, sql, err);
}

static int write_row(struct eng_sql_stmt *words, struct eng_sql_stmt *docs, uint32_t doc, struct engram_str stems,
                     uint32_t tokens, struct engram_error *err)
{
	eng_sql_bind_i64(words, 1, (int64_t)doc << 8 | eng_length_class(tokens));
	eng_sql_bind_text(words, 2, stems.p, stems.n);
	eng_sql_bind_i64(docs, 1, doc);
	int rc = eng_sql_step(words, err);
	if (rc == 0)
		rc = eng_sql_step(docs, err);
	if (rc < 0)
		eng_err_prefix(err, "text view, document %u", doc);
	return rc;
}

/* The stems of a text, in f->stems. */
static int find_stems(struct eng_fts *f, struct engram_str *stems, uint32_t *tokens, const char *text, size_t n,
                      struct engram_error *err)
{
	struct stems s = {&f->stems, 0};
	eng_buf_reset(&f->stems);
	eng_words(text, n, add_stem, &s);
	if (f->stems.failed)
		return eng_err_nomem(err);
	*stems = (struct engram_str){(const char *)f->stems.p, f->stems.n};
	*tokens = s.tokens;
	return 0;
}

int eng_fts_add_stems(struct eng_fts *f, uint32_t doc, struct engram_str stems, uint32_t tokens,
                      struct engram_error *err)
{
	int rc = once(&f->add, f->db, "INSERT INTO words(rowid, text) VALUES (?1, ?2)", err);
	if (rc == 0)
		rc = once(&f->add_doc, f->db, "INSERT INTO docs VALUES (?1)", err);
	return rc ? rc : write_row(f->add, f->add_doc, doc, stems, tokens, err);
}

int eng_fts_add(struct eng_fts *f, uint32_t doc, const char *text, size_t n, struct engram_error *err)
{
	struct engram_str stems;
	uint32_t tokens;
	int rc = find_stems(f, &stems, &tokens, text, n, err);
	return rc ? rc : eng_fts_add_stems(f, doc, stems, tokens, err);
}

int eng_fts_remove(struct eng_fts *f, uint32_t doc, const char *text, size_t n, struct engram_error *err)
{
	struct engram_str stems;
	uint32_t tokens;
	int rc = once(&f->remove, f->db, "INSERT INTO words(words, rowid, text) VALUES ('delete', ?1, ?2)", err);
	if (rc == 0)
		rc = once(&f->remove_doc, f->db, "DELETE FROM docs WHERE doc = ?1", err);
	if (rc == 0)
		rc = find_stems(f, &stems, &tokens, text, n, err);
	return rc ? rc : write_row(f->remove, f->remove_doc, doc, stems, tokens, err);
}

int eng_fts_commit(struct eng_fts *f, const void *watermark, size_t n, struct engram_error *err)
{
	int rc = set_meta(f, "watermark", watermark, n, err);
	if (rc == 0)
		rc = eng_sql_exec(f->db, "COMMIT", err);
	if (rc != 0)
		eng_fts_rollback(f);
	return rc;
}

void eng_fts_rollback(struct eng_fts *f)
{
	eng_sql_exec(f->db, "ROLLBACK", NULL);
}

/* 'optimize' does nothing while there is only one segment, even if that holds
 * removed words; an empty row added and removed again makes it two. */
int eng_fts_purge(struct eng_fts *f, struct engram_error *err)
{
	return eng_sql_exec(f->db,
		"INSERT INTO words(rowid, text) VALUES (-1, 'x');"
		"INSERT INTO words(words, rowid, text) VALUES ('delete', -1, 'x');"
		"INSERT INTO words(words) VALUES ('optimize');"
		"VACUUM;"
		"PRAGMA wal_checkpoint(TRUNCATE)", err);
}

/* -- searching ----------------------------------------------------------- */

/* "cell" OR "power": stems hold letters and digits only, so need no escapes. */
static int expression(struct eng_buf *b, const struct eng_query *q, struct engram_error *err)
{
	for (size_t i = 0; i < q->n; i++) {
		eng_buf_str(b, i ? " OR \"" : "\"");
		eng_buf_add(b, q->terms[i].stem, q->terms[i].n);
		eng_buf_byte(b, '"');
	}
	return b->failed ? eng_err_nomem(err) : 0;
}

int eng_fts_search(struct eng_fts *f, struct eng_top *top, struct eng_text_hit *also, size_t nalso,
                   const struct eng_query *q, const struct eng_text_filter *filter, struct engram_error *err)
{
	struct search search = {q, top, also, nalso, filter};
	struct eng_buf match = ENG_BUF_INIT;
	if (q->n == 0)
		return 0;
	if (!f->db)
		return eng_err(err, ENGRAM_EVERSION, "text view: its file was lost while it was open");
	int rc = expression(&match, q, err);
	if (rc == 0)
		rc = once(&f->search, f->db, "SELECT 1 FROM words WHERE words MATCH ?1 AND engram_rank(words)", err);
	if (rc == 0) {
		f->running = &search;
		eng_sql_bind_text(f->search, 1, (const char *)match.p, match.n);
		rc = eng_sql_step(f->search, err); /* rank() lets no row through */
		f->running = NULL;
	}
	eng_buf_free(&match);
	return rc;
}

int eng_fts_docs(struct eng_fts *f, int (*fn)(void *ctx, uint32_t doc), void *ctx, struct engram_error *err)
{
	struct eng_sql_stmt *s = NULL;
	int rc = eng_sql_prepare(&s, f->db, "SELECT doc FROM docs ORDER BY doc", err);
	if (rc != 0)
		return rc;
	while ((rc = eng_sql_step(s, err)) > 0) {
		rc = fn(ctx, (uint32_t)eng_sql_i64(s, 0));
		if (rc != 0)
			break;
	}
	eng_sql_finish(s);
	return rc;
}

static int quick_check(struct eng_fts *f, struct engram_error *err)
{
	struct eng_sql_stmt *s = NULL;
	int rc = eng_sql_prepare(&s, f->db, "PRAGMA quick_check(1)", err);
	if (rc == 0)
		rc = eng_sql_step(s, err);
	if (rc > 0) {
		struct engram_str found = eng_sql_text(s, 0);
		rc = eng_str_eq(found, eng_str("ok")) ? 0
		                                      : eng_err(err, ENGRAM_EDAMAGED, "%s: %.*s", f->path,
		                                                (int)(found.n < 200 ? found.n : 200), found.p);
	}
	eng_sql_finish(s);
	return rc;
}

int eng_fts_check(struct eng_fts *f, struct engram_error *err)
{
	struct eng_sql_stmt *s = NULL;
	int rc = quick_check(f, err);
	if (rc == 0) /* the index opens, and its root answers */
		rc = eng_sql_prepare(&s, f->db, "SELECT rowid FROM words WHERE words MATCH '\"a\"' LIMIT 1", err);
	if (rc == 0)
		rc = eng_sql_step(s, err);
	eng_sql_finish(s);
	return rc < 0 ? rc : 0;
}
