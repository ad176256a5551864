/* test_cmd_import.c - the readers of an import over real input, the same in
 * pieces from a pipe, cut off at every place, with bytes turned over, and with
 * every allocation failing.
 *
 * What a reader gave is written down as text, an entry a record, so that two
 * runs can be compared and a cut one be seen to be a beginning of the whole. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/types.h"
#include "import/source.h"
#include "sql/sql.h"
#include "../lib/failalloc.h"
#include "../lib/feed.h"
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

#define ENTRIES_MAX 64
#define TEXT_SHOWN 100

struct input {
	const struct source_format *format;
	struct source_options options;
	struct eng_buf bytes;
	unsigned records, bad; /* of the whole */
};

/* What a run gave. */
struct trace {
	char text[16384];
	size_t n, last; /* where the last entry begins */
	unsigned records, bad, failed;
	unsigned mute;  /* failures without words */
};

static void entry(struct trace *t, char kind, const struct source *s, const struct record *r)
{
	const struct engram_memory *m = &r->memory;
	int room = (int)(sizeof t->text - t->n), n;

	t->last = t->n;
	n = snprintf(t->text + t->n, (size_t)room, "%c%llu", kind, (unsigned long long)s->number);
	if (kind == 'R')
		n += snprintf(t->text + t->n + n, (size_t)(room - n), " %.*s|%.*s|%u|%zu|%zu|%zu|%x",
		              (int)(m->text.n < TEXT_SHOWN ? m->text.n : TEXT_SHOWN), m->text.n ? m->text.p : "",
		              (int)m->key.n, m->key.n ? m->key.p : "", m->confidence,
		              m->ntags, m->dim, m->nlinks, m->has);
	for (size_t i = 0; kind == 'R' && m->has & ENGRAM_VECTOR && i < m->dim && n < room - 20; i++)
		n += snprintf(t->text + t->n + n, (size_t)(room - n), " %g", (double)m->vector[i]);
	n += snprintf(t->text + t->n + n, n < room ? (size_t)(room - n) : 0, "\n");
	t->n += (size_t)(n < room ? n : room - 1);
}

/* All records of one source; what it answered last. */
static int read_all(struct trace *t, const struct input *in, const struct source_input *from, bool wait)
{
	struct engram_error err = {0};
	struct record r = {0};
	struct source s;
	enum source_result got = SOURCE_RECORD;
	int code;

	memset(t, 0, sizeof *t);
	code = source_open(&s, in->format, &in->options, from, &err);
	if (code < 0) {
		t->failed = 1;
		t->mute = !*err.message;
		return code;
	}
	while (got == SOURCE_RECORD || got == SOURCE_BAD || got == SOURCE_WAIT) {
		err = (struct engram_error){0};
		got = source_next(&s, &r, wait, &err);
		if (got == SOURCE_RECORD) {
			t->records++;
			entry(t, 'R', &s, &r);
			engram_check(&r.memory, NULL); /* whatever it says, it reads all of it */
		} else if (got == SOURCE_BAD || got == SOURCE_FAILED) {
			t->bad += got == SOURCE_BAD;
			t->failed += got == SOURCE_FAILED;
			t->mute += !*err.message || !err.code;
			entry(t, got == SOURCE_BAD ? 'B' : 'F', &s, &r);
		}
	}
	record_free(&r);
	source_close(&s);
	return got == SOURCE_FAILED ? err.code : 0;
}

static char file_path[768];

static struct source_input put_file(const void *p, size_t n)
{
	int fd = open(file_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		exit(99);
	close(fd);
	return (struct source_input){file_path, "input", -1};
}

static int read_bytes(struct trace *t, const struct input *in, const void *p, size_t n)
{
	struct source_input from = put_file(p, n);

	return read_all(t, in, &from, true);
}

/* -- inputs ------------------------------------------------------------------------- */

static void add_row(struct eng_buf *b, unsigned dim, const float *row)
{
	eng_buf_u32(b, dim);
	for (unsigned i = 0; i < dim; i++) {
		uint32_t bits;

		memcpy(&bits, &row[i], sizeof bits);
		eng_buf_u32(b, bits);
	}
}

static void add_npy(struct eng_buf *b)
{
	static const char head[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }      \n";
	const double numbers[] = {1, 2, -0.5, 0.25, 3, 4};

	eng_buf_add(b, "\x93NUMPY\x01\x00", 8);
	eng_buf_u16(b, sizeof head - 1);
	eng_buf_str(b, head);
	for (size_t i = 0; i < ENG_COUNT(numbers); i++) {
		uint64_t bits;

		memcpy(&bits, &numbers[i], sizeof bits);
		eng_buf_u64(b, bits);
	}
}

/* A database as another program leaves it, in one file. */
static void add_database(struct eng_buf *b)
{
	static const char sql[] =
		"CREATE TABLE n(t, k, c, g, v);"
		"INSERT INTO n VALUES('one', 'k', 0.5, 'a,b', x'0000803f00000040');"
		"INSERT INTO n VALUES('two', NULL, 'x', NULL, NULL), (3, NULL, NULL, NULL, NULL),"
		"('four', NULL, 1, '[\"x\"]', '[1,2]'), (NULL, NULL, NULL, NULL, x'00');";
	const char *path = tmpdir_path("made.db");
	struct eng_sql *db = NULL;
	struct stat st;
	int fd;

	if (eng_sql_open(&db, path, ENG_SQL_WRITE, NULL) < 0 || eng_sql_exec(db, sql, NULL) < 0)
		return;
	eng_sql_close(db);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0 || !eng_buf_reserve(b, (size_t)st.st_size))
		exit(99);
	b->n = (size_t)read(fd, b->p, (size_t)st.st_size);
	close(fd);
}

static struct input inputs[] = {
	{&source_ndjson, {0}, {0}, 3, 2},
	{&source_lines, {0}, {0}, 5, 0},
	{&source_records, {0}, {0}, 3, 0},
	{&source_tsv, {0}, {0}, 3, 3},
	{&source_vectors, {0}, {0}, 3, 0},
	{&source_vectors, {0}, {0}, 3, 0},
	{&source_sqlite, {.query = "SELECT t AS text, k AS key, c AS confidence, g AS tags, v AS vector FROM n"},
	 {0}, 2, 3},
};

static void make_inputs(void)
{
	const float rows[3][3] = {{1, 2, 3}, {-0.5f, 0.25f, 1e-30f}, {3, 2, 1}};

	eng_buf_str(&inputs[0].bytes,
	            "{\"v\":1,\"type\":\"memory\",\"text\":\"one \\u00e9\",\"tags\":[\"a\"],\"vector\":[1,2.5],"
	            "\"links\":[{\"key\":\"k\",\"relation\":\"r\",\"weight\":0.5}]}\n\n"
	            "{\"text\":\"two\",\"meta\":{\"a\":[1]}}\r\n"
	            "{\"text\":7}\n{\"txt\":\"x\"}\n{\"text\":\"last\",\"confidence\":0.25}");
	eng_buf_str(&inputs[1].bytes, "one\n\ntwo\r\nthree\xc3\xa9\n a\tb\nlast");
	eng_buf_str(&inputs[2].bytes, "%\none\nof two\n%\n\n\n%\n second \xff\n%%\n%\nlast");
	eng_buf_str(&inputs[3].bytes, "text\tkey\ttags\tconfidence\tvector\n"
	                              "a\\tb\\\\c\\u00e9\\x07\tk\tx, y\t0.5\t[1,2]\n"
	                              "plain\t\t\t\t\nlone\\q\t\t\t\t\nfew\t\nmuch\t\t\t2\t\n\nlast\t\t[\"q\"]\t\t");
	for (int i = 0; i < 3; i++)
		add_row(&inputs[4].bytes, 3, rows[i]);
	add_npy(&inputs[5].bytes);
	add_database(&inputs[6].bytes);
}

/* -- what must hold --------------------------------------------------------------------- */

static void check_pieces(const struct input *in, const struct trace *whole, uint64_t seed)
{
	const struct source_input from = {"-", "stdin", -1};
	unsigned wrong = 0;
	struct eng_rng g;
	struct trace t;

	eng_rng_seed(&g, seed);
	for (int i = 0; i < 20; i++) {
		pid_t pid = feed(&g, in->bytes.p, in->bytes.n, 40);
		int status;

		read_all(&t, in, &from, i % 2);
		waitpid(pid, &status, 0);
		eng_rng_next(&g);
		wrong += strcmp(t.text, whole->text) != 0;
	}
	tap_int(wrong, 0, "%s: the same in pieces from a pipe, waiting or not (seed %llu)", in->format->name,
	        (unsigned long long)seed);
}

/* All entries but the last are those of the whole: a cut makes no record, and
 * changes none but the one it falls in. */
static void check_cuts(const struct input *in, const struct trace *whole)
{
	size_t step = in->bytes.n > 2000 ? 97 : 1, first_wrong = 0;
	unsigned wrong = 0, mute = 0;
	struct trace t;

	for (size_t n = 0; n < in->bytes.n; n += step) {
		bool good;

		read_bytes(&t, in, in->bytes.p, n);
		good = in->format->reads_path ? t.records <= whole->records
		                              : strncmp(t.text, whole->text, t.last) == 0 && t.records <= whole->records;
		first_wrong = !good && !wrong ? n : first_wrong;
		wrong += !good;
		mute += t.mute;
	}
	if (!tap_ok(wrong == 0 && mute == 0, "%s: cut off at every place it is a beginning of the whole",
	            in->format->name))
		tap_note("%u wrong, first cut at byte %zu; %u without a message", wrong, first_wrong, mute);
}

static void check_flips(const struct input *in, uint64_t seed)
{
	unsigned mute = 0, many = 0;
	uint8_t *p = malloc(in->bytes.n);
	struct eng_rng g;
	struct trace t;

	eng_rng_seed(&g, seed);
	for (int i = 0; i < 500; i++) {
		memcpy(p, in->bytes.p, in->bytes.n);
		for (uint64_t flips = 1 + eng_rng_below(&g, 3); flips > 0; flips--)
			p[eng_rng_below(&g, in->bytes.n)] ^= (uint8_t)(1u << eng_rng_below(&g, 8));
		read_bytes(&t, in, p, in->bytes.n);
		mute += t.mute;
		many += t.records + t.bad > ENTRIES_MAX;
	}
	free(p);
	tap_ok(mute == 0 && many == 0, "%s: 500 times with bits turned over it ends and says what is wrong (seed %llu)",
	       in->format->name, (unsigned long long)seed);
}

static int read_failing(void *data)
{
	const struct input *in = data;
	const struct source_input from = {file_path, "input", -1};
	static struct trace t;

	return read_all(&t, in, &from, true);
}

/* Exactly the limit goes in, one byte more does not, and what follows does. */
static void check_limit(const struct source_format *format, const char *between)
{
	struct input in = {.format = format};
	struct trace t;
	struct eng_buf b = ENG_BUF_INIT;

	for (size_t n = ENGRAM_TEXT_MAX; n <= ENGRAM_TEXT_MAX + 1; n++) {
		for (size_t i = 0; i < n; i++)
			eng_buf_byte(&b, 'x');
		eng_buf_str(&b, between);
	}
	eng_buf_str(&b, "last");
	read_bytes(&t, &in, b.p, b.n);
	eng_buf_free(&b);
	tap_ok(t.records == 2 && t.bad == 1 && t.failed == 0, "%s: a text of 1 MiB goes in, one byte more does not",
	       format->name);
}

static void check_input(struct input *in, uint64_t seed)
{
	struct trace whole;

	read_bytes(&whole, in, in->bytes.p, in->bytes.n);
	if (!tap_ok(whole.records == in->records && whole.bad == in->bad && whole.failed == 0 && whole.mute == 0,
	            "%s: %u records, %u bad", in->format->name, in->records, in->bad))
		tap_note("found %u, %u, %u failed:\n%s", whole.records, whole.bad, whole.failed, whole.text);
	if (!in->format->reads_path)
		check_pieces(in, &whole, seed);
	check_cuts(in, &whole);
	check_flips(in, seed);
	put_file(in->bytes.p, in->bytes.n);
	failalloc_each(read_failing, in, in->format->name);
	eng_buf_free(&in->bytes);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261121;

	signal(SIGPIPE, SIG_IGN);
	tmpdir_begin("import");
	snprintf(file_path, sizeof file_path, "%s", tmpdir_path("input"));
	make_inputs();
	for (size_t i = 0; i < ENG_COUNT(inputs); i++)
		check_input(&inputs[i], seed);
	check_limit(&source_lines, "\n");
	check_limit(&source_records, "\n%\n");
	tmpdir_end();
	return tap_done();
}
