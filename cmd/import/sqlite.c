/* sqlite.c - the rows of a query over another program's database: a column
 * names the field that it holds, NULL says nothing.
 *
 * SQLite lets any column hold any type, so the type is looked at row by row: a
 * text for what is text, a number or its text for the confidence, a blob of
 * floats or a JSON array for the vector.  Nothing is cast in silence: a query
 * can say so itself. */
#include "import/source.h"

#include <string.h>

#include "base/err.h"
#include "common/stop.h"
#include "import/columns.h"
#include "sql/sql.h"

struct rows {
	struct eng_sql *db;
	struct eng_sql_stmt *query;
	struct columns columns;
};

static int name_columns(struct rows *rows, struct engram_error *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < eng_sql_columns(rows->query); i++) {
		struct engram_str name = eng_sql_column_name(rows->query, i);

		r = name.p ? columns_add(&rows->columns, name, err) : eng_err_nomem(err);
		if (r == ENGRAM_EINPUT && !*err->hint)
			eng_err_hint(err, "name it in the query: SELECT x AS text");
	}
	return r == 0 ? columns_check(&rows->columns, err) : r;
}

static int open_sqlite(struct source *s, const struct source_input *in, struct engram_error *err)
{
	struct rows *rows = s->state;
	int r = eng_sql_open_foreign(&rows->db, in->path, err);

	if (r < 0)
		return r;
	r = eng_sql_prepare_query(&rows->query, rows->db, s->options->query, err);
	if (r == 0)
		r = name_columns(rows, err);
	if (r < 0)
		eng_err_prefix(err, "%s", in->name);
	return r;
}

static int wrong_type(const char *name, const char *wanted, const struct eng_sql_cell *cell, struct engram_error *err)
{
	static const char *const found[] = {
		[ENG_SQL_INTEGER] = "the integer ", [ENG_SQL_REAL] = "the number ", [ENG_SQL_TEXT] = "the text ",
		[ENG_SQL_BLOB] = "a blob", [ENG_SQL_NULL] = "NULL",
	};
	size_t n = cell->type == ENG_SQL_BLOB ? 0 : cell->bytes.n;

	return eng_err(err, ENGRAM_EINPUT, "%s: wanted %s, found %s%.*s", name, wanted, found[cell->type],
	               (int)(n > 40 ? 40 : n), n ? cell->bytes.p : "");
}

static int set_cell(struct record *r, int column, const struct eng_sql_cell *cell, struct engram_error *err)
{
	const char *name = record_column_name(column);

	if (cell->type == ENG_SQL_TEXT)
		return record_set(r, column, cell->bytes, err);
	if (strcmp(name, "vector") == 0)
		return cell->type == ENG_SQL_BLOB ? record_set_vector(r, cell->bytes.p, cell->bytes.n, err)
		                                  : wrong_type(name, "a blob of floats, or a JSON array", cell, err);
	if (strcmp(name, "confidence") == 0)
		return cell->type != ENG_SQL_BLOB ? record_set(r, column, cell->bytes, err)
		                                  : wrong_type(name, "a number 0..1", cell, err);
	return wrong_type(name, "a text", cell, err);
}

static int read_row(struct rows *rows, struct record *r, struct engram_error *err)
{
	int result = 0;

	record_clear(r);
	for (size_t i = 0; result == 0 && i < rows->columns.n; i++) {
		struct eng_sql_cell cell;

		if (eng_sql_cell(rows->query, &cell, (int)i) < 0)
			return eng_err_nomem(err);
		if (cell.type != ENG_SQL_NULL)
			result = set_cell(r, rows->columns.field[i], &cell, err);
	}
	return result == 0 ? record_end(r, err) : result;
}

/* Rows are computed, not waited for. */
static enum source_result next_row(struct source *s, struct record *r, bool wait, struct engram_error *err)
{
	struct rows *rows = s->state;
	int got;

	(void)wait;
	if (stop_wanted())
		return SOURCE_STOP;
	got = eng_sql_step(rows->query, err);
	if (got == 0)
		return SOURCE_END;
	s->number++;
	if (got < 0) {
		char place[SOURCE_PLACE_TEXT];

		source_place(place, s);
		eng_err_prefix(err, "%s", place);
		return SOURCE_FAILED;
	}
	return source_of_code(s, read_row(rows, r, err), err);
}

static void close_sqlite(struct source *s)
{
	struct rows *rows = s->state;

	eng_sql_finish(rows->query);
	eng_sql_close(rows->db);
}

const struct source_format source_sqlite = {"sqlite", sizeof(struct rows), open_sqlite, next_row, close_sqlite, true};
