/* fuzz_import.c - the readers of an import take any bytes: each record that one
 * gives and the library would store is a memory that our own NDJSON carries and
 * brings back, each that is refused says why, and the input ends.
 *
 * The first byte names the format: n(djson), l(ines), r(ecords), t(sv),
 * v(ectors). */
#include "fuzz.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/types.h"
#include "base/utf8.h"
#include "import/source.h"

const char fuzz_name[] = "import";

static const struct source_format *format_of(uint8_t c)
{
	switch (c) {
	case 'n':
		return &source_ndjson;
	case 'l':
		return &source_lines;
	case 'r':
		return &source_records;
	case 't':
		return &source_tsv;
	case 'v':
		return &source_vectors;
	default:
		return NULL;
	}
}

static void add_fvecs(struct eng_buf *b)
{
	static const struct {
		int32_t dim;
		float x[3];
	} rows[] = {{3, {1, 2, 3}}, {3, {-0.5f, 0.25f, 0}}};

	eng_buf_byte(b, 'v');
	eng_buf_add(b, rows, sizeof rows);
}

static void add_npy(struct eng_buf *b, const char *type, size_t size)
{
	char head[119];

	memset(head, ' ', sizeof head);
	snprintf(head, sizeof head, "{'descr': '%s', 'fortran_order': False, 'shape': (2, 3), }", type);
	head[strlen(head)] = ' ';
	head[117] = '\n';
	eng_buf_str(b, "v\x93NUMPY");
	eng_buf_add(b, "\1\0\166\0", 4);
	eng_buf_add(b, head, 118);
	for (size_t i = 0; i < 6 * size; i++)
		eng_buf_byte(b, (uint8_t)(0x38 + i));
}

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
	static const struct {
		const char *type;
		size_t size;
	} types[] = {{"<f2", 2}, {"<f4", 4}, {"<f8", 8}};
	struct eng_buf b = ENG_BUF_INIT;

	add_fvecs(&b);
	emit(data, b.p, b.n);
	for (size_t i = 0; i < ENG_COUNT(types); i++) {
		eng_buf_reset(&b);
		add_npy(&b, types[i].type, types[i].size);
		emit(data, b.p, b.n);
	}
	eng_buf_free(&b);
}

static void write_record(struct eng_buf *b, const struct engram_memory *m)
{
	struct eng_json_out o;

	eng_buf_reset(b);
	record_begin(&o, b, "memory");
	record_write_memory(&o, m);
	eng_json_object_end(&o);
	FUZZ_HOLD(!b->failed);
}

static void hold_memory(const struct engram_memory *m)
{
	static struct record back;
	struct eng_buf once = ENG_BUF_INIT, twice = ENG_BUF_INIT;
	struct engram_error err = {0};

	if (engram_check(m, &err) < 0) {
		FUZZ_HOLD(err.code == ENGRAM_EINPUT && err.message[0]);
		return;
	}
	FUZZ_HOLD(!(m->has & ENGRAM_TEXT) ||
	          (m->text.n > 0 && m->text.n <= ENGRAM_TEXT_MAX && eng_utf8_check(m->text.p, m->text.n) == m->text.n));
	if (m->has & ENGRAM_VECTOR) {
		FUZZ_HOLD(m->dim >= ENGRAM_DIM_MIN && m->dim <= ENGRAM_DIM_MAX);
		for (size_t i = 0; i < m->dim; i++)
			FUZZ_HOLD(isfinite(m->vector[i]));
	}
	write_record(&once, m);
	FUZZ_HOLD(record_read(&back, (const char *)once.p, once.n, &err) == 0);
	write_record(&twice, &back.memory);
	FUZZ_HOLD(once.n == twice.n && memcmp(once.p, twice.p, once.n) == 0);
	eng_buf_free(&once);
	eng_buf_free(&twice);
}

static void hold_source(struct source *s, struct record *r)
{
	struct engram_error err = {0};
	uint64_t before = 0;
	enum source_result what;

	while ((what = source_next(s, r, true, &err)) == SOURCE_RECORD || what == SOURCE_BAD) {
		FUZZ_HOLD(s->number > before);
		before = s->number;
		if (what == SOURCE_BAD) {
			FUZZ_HOLD(err.code < 0 && err.message[0]);
			err = (struct engram_error){0};
		} else if (r->type == RECORD_MEMORY) {
			hold_memory(&r->memory);
		}
	}
	FUZZ_HOLD(what == SOURCE_END || (what == SOURCE_FAILED && err.code < 0 && err.message[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct source_options options = {.separator = "%"};
	static struct record r;
	const struct source_format *format = n ? format_of(*p) : NULL;
	struct source_input in = {"-", "in", -1};
	struct engram_error err = {0};
	struct source s;

	if (!format)
		return 0;
	in.fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (in.fd < 0 || write(in.fd, p + 1, n - 1) != (ssize_t)(n - 1) || lseek(in.fd, 0, SEEK_SET) != 0)
		abort();
	if (source_open(&s, format, &options, &in, &err) == 0)
		hold_source(&s, &r);
	else
		FUZZ_HOLD(err.code < 0 && err.message[0]);
	source_close(&s);
	record_free(&r);
	r = (struct record){0};
	close(in.fd);
	return 0;
}
