/* fts5.c - a tokenizer and an auxiliary function of our own inside FTS5.
 *
 * FTS5 hands out its registration interface through a pointer bound to the
 * SQL function fts5(?1).  What is registered lives as long as the connection:
 * FTS5 frees our small contexts when it closes; where registration itself
 * fails it does not, and we do.
 *
 * Texts are split by the registered function; a string of a query is one
 * token already and passes as it is (stemming is not idempotent, so the
 * caller's stems must not be stemmed again). */
#include "sql/sql_int.h"

#include "base/alloc.h"

static int fts5_interface(struct eng_sql *db, fts5_api **out, struct engram_error *err)
{
	struct eng_sql_stmt *s = NULL;
	*out = NULL;
	int rc = eng_sql_prepare(&s, db, "SELECT fts5(?1)", err);
	if (rc == 0) {
		s->failed = db->api->bind_pointer(s->stmt, 1, out, "fts5_api_ptr", NULL);
		rc = eng_sql_step(s, err);
		eng_sql_finish(s);
	}
	if (*out && (*out)->iVersion >= 2)
		return 0;
	if (rc == ENGRAM_ENOMEM)
		return rc;
	return eng_err(err, ENGRAM_EUNAVAILABLE, "SQLite %s: wanted FTS5, found none", db->api->libversion());
}

/* -- tokenizer ----------------------------------------------------------- */

struct tokenizer {
	eng_sql_tokenize_fn *tokenize;
};

static int create(void *context, const char **args, int nargs, Fts5Tokenizer **out)
{
	*out = context;
	return SQLITE_OK;
}

static void delete(Fts5Tokenizer *t)
{
}

struct sink {
	void *ctx;
	int (*token)(void *, int, const char *, int, int, int);
};

static int pass(void *ctx, const char *token, size_t n, size_t start, size_t end)
{
	struct sink *sink = ctx;
	return sink->token(sink->ctx, 0, token, (int)n, (int)start, (int)end);
}

static int tokenize(Fts5Tokenizer *t, void *ctx, int flags, const char *text, int n,
                    int (*token)(void *, int, const char *, int, int, int))
{
	struct sink sink = {ctx, token};
	if (flags & FTS5_TOKENIZE_QUERY)
		return n > 0 ? token(ctx, 0, text, n, 0, n) : SQLITE_OK;
	return ((struct tokenizer *)t)->tokenize(text, (size_t)n, &sink, pass);
}

int eng_sql_fts_tokenizer(struct eng_sql *db, const char *name, eng_sql_tokenize_fn *fn, struct engram_error *err)
{
	fts5_tokenizer methods = {create, delete, tokenize};
	fts5_api *fts;
	int rc = fts5_interface(db, &fts, err);
	if (rc != 0)
		return rc;
	struct tokenizer *t = eng_alloc(sizeof *t);
	if (!t)
		return eng_err_nomem(err);
	t->tokenize = fn;
	rc = fts->xCreateTokenizer(fts, name, t, &methods, eng_free);
	if (rc == SQLITE_OK)
		return 0;
	eng_free(t);
	return eng_sql_fail(db, rc, "tokenizer", err);
}

/* -- auxiliary function -------------------------------------------------- */

struct scorer {
	const struct eng_sql_api *api;
	eng_sql_score_fn *score;
	void *data;
};

struct row {
	const Fts5ExtensionApi *fts;
	Fts5Context *ctx;
};

static int count_phrase(const struct row *row, int phrase, int *tf)
{
	Fts5PhraseIter it;
	int column, offset, n = 0;
	int rc = row->fts->xPhraseFirst(row->ctx, phrase, &it, &column, &offset);
	if (rc != SQLITE_OK)
		return rc;
	for (; column >= 0; row->fts->xPhraseNext(row->ctx, &it, &column, &offset))
		n++;
	*tf = n;
	return SQLITE_OK;
}

static int counts(const struct eng_sql_match *m, uint32_t *tf)
{
	const struct row *row = m->impl;
	for (int i = 0; i < m->phrases; i++) {
		int n = 0;
		if (count_phrase(row, i, &n) != SQLITE_OK)
			return ENGRAM_EDAMAGED;
		tf[i] = (uint32_t)n;
	}
	return 0;
}

static void score(const Fts5ExtensionApi *fts, Fts5Context *ctx, sqlite3_context *result, int nargs,
                  sqlite3_value **args)
{
	const struct scorer *scorer = fts->xUserData(ctx);
	struct row row = {fts, ctx};
	struct eng_sql_match m = {&row, fts->xPhraseCount(ctx), fts->xRowid(ctx), counts};
	int64_t value = 0;
	if (scorer->score(scorer->data, &m, &value) == 0)
		scorer->api->result_int64(result, value);
	else
		scorer->api->result_error_code(result, SQLITE_CORRUPT);
}

int eng_sql_fts_score(struct eng_sql *db, const char *name, eng_sql_score_fn *fn, void *data,
                      struct engram_error *err)
{
	fts5_api *fts;
	int rc = fts5_interface(db, &fts, err);
	if (rc != 0)
		return rc;
	struct scorer *s = eng_alloc(sizeof *s);
	if (!s)
		return eng_err_nomem(err);
	*s = (struct scorer){db->api, fn, data};
	rc = fts->xCreateFunction(fts, name, s, score, eng_free);
	if (rc == SQLITE_OK)
		return 0;
	eng_free(s);
	return eng_sql_fail(db, rc, "auxiliary function", err);
}
