/* test_cmd_record.c - memories to NDJSON and back: random ones unchanged, every
 * damaged line refused or read, never more. */
#include "base/rng.h"
#include "base/types.h"
#include "common/record.h"
#include "../lib/failalloc.h"
#include "../lib/tap.h"

static struct engram_str random_text(struct eng_rng *g, struct eng_arena *a, size_t max)
{
	static const char *const pieces[] = {"a", "word ", "\"", "\\", "\n", "\t", "\xc3\xa9",
	                                     "\xf0\x9f\x98\x80",
	                                     "\033", "\xe2\x80\xae", "\x7f", "/", "{", "0"};
	struct eng_buf b = ENG_BUF_INIT;
	struct engram_str s;
	size_t n = eng_rng_below(g, max);

	eng_buf_str(&b, "t");
	for (size_t i = 0; i < n; i++)
		eng_buf_str(&b, pieces[eng_rng_below(g, ENG_COUNT(pieces))]);
	eng_arena_str(a, &s, (struct engram_str){(char *)b.p, b.n});
	eng_buf_free(&b);
	return s;
}

static int64_t random_time_us(struct eng_rng *g)
{
	return (int64_t)eng_rng_below(g, 4000000000u) * 1000000 + (int64_t)eng_rng_below(g, 1000000);
}

static void random_memory(struct eng_rng *g, struct eng_arena *a, struct engram_memory *m, bool conflict)
{
	static const unsigned optional[] = {ENGRAM_CONFIDENCE, ENGRAM_OCCURRED, ENGRAM_VALID_UNTIL,
	                                    ENGRAM_SOURCE,     ENGRAM_ACTOR,    ENGRAM_META,
	                                    ENGRAM_TAGS,       ENGRAM_VECTOR};
	struct engram_str *tags = eng_arena_calloc(a, 3, sizeof *tags);
	float *vector = eng_arena_calloc(a, 8, sizeof *vector);

	*m = (struct engram_memory){.kind = ENGRAM_EPISODE, .has = ENGRAM_TEXT | ENGRAM_STORED};
	for (size_t i = 0; i < ENG_COUNT(optional); i++)
		m->has |= eng_rng_below(g, 2) ? optional[i] : 0;
	if (!conflict)
		m->has |= ENGRAM_ID | (eng_rng_below(g, 2) ? ENGRAM_KEY : 0u);
	if (eng_rng_below(g, 4) == 0) {
		m->kind = ENGRAM_CONCEPT;
		m->has |= ENGRAM_KIND;
	}
	for (int i = 0; i < 16; i++)
		m->id.b[i] = (uint8_t)eng_rng_below(g, 256);
	m->text = random_text(g, a, 30);
	m->key = random_text(g, a, 5);
	m->source = random_text(g, a, 5);
	m->actor = random_text(g, a, 5);
	m->meta = eng_str("{\"a\": [1, {\"b\":null}], \"c\" : \"\\u00e9\"}");
	m->confidence = (uint32_t)eng_rng_below(g, 10001);
	m->occurred_us = random_time_us(g);
	m->valid_until_us = random_time_us(g);
	m->stored_us = random_time_us(g);
	for (int i = 0; i < 3; i++)
		tags[i] = random_text(g, a, 4);
	for (int i = 0; i < 8; i++)
		vector[i] = (float)((double)eng_rng_below(g, 2000001) / 1e6 - 1);
	if (m->has & ENGRAM_TAGS) {
		m->tags = tags;
		m->ntags = 1 + eng_rng_below(g, 3);
	}
	if (m->has & ENGRAM_VECTOR) {
		m->vector = vector;
		m->dim = 2 + eng_rng_below(g, 7);
		m->embedder = eng_str("mine/1/x/f32");
	}
}

static void write_line(struct eng_buf *b, const struct engram_memory *m)
{
	struct eng_json_out o;

	eng_buf_reset(b);
	record_begin(&o, b, "memory");
	record_write_memory(&o, m);
	eng_json_object_end(&o);
}

static void round_trips(void)
{
	struct eng_rng g;
	struct eng_arena a = ENG_ARENA_INIT;
	struct eng_buf one = ENG_BUF_INIT, two = ENG_BUF_INIT;
	struct record r = {0};
	int bad = 0;

	eng_rng_seed(&g, 11);
	for (int round = 0; round < 3000 && !bad; round++) {
		struct engram_memory m, *conflicts = eng_arena_calloc(&a, 3, sizeof *conflicts);
		struct engram_error err = {0};

		random_memory(&g, &a, &m, false);
		m.nconflicts = eng_rng_below(&g, 3);
		m.conflicts = conflicts;
		for (size_t i = 0; i < m.nconflicts; i++)
			random_memory(&g, &a, &conflicts[i], true);
		write_line(&one, &m);
		bad += record_read(&r, (char *)one.p, one.n, &err) < 0 || r.type != RECORD_MEMORY;
		bad += r.memory.has != m.has || r.memory.nconflicts != m.nconflicts;
		bad += memcmp(r.memory.id.b, m.id.b, 16) != 0;
		write_line(&two, &r.memory);
		bad += one.n != two.n || memcmp(one.p, two.p, one.n) != 0;
		if (bad)
			tap_note("round %d: %s: %.*s", round, err.message, (int)one.n, (char *)one.p);
		eng_arena_reset(&a);
	}
	tap_int(bad, 0, "3,000 random memories, out, in and out again (seed 11)");
	record_free(&r);
	eng_buf_free(&one);
	eng_buf_free(&two);
	eng_arena_free(&a);
}

static const char sample[] =
	"{\"v\":1,\"type\":\"memory\",\"id\":\"01h455vb4pex5vsknk084sn02q\",\"key\":\"k\","
	"\"kind\":\"concept\","
	"\"text\":\"t\",\"confidence\":0.5,\"stored\":\"2026-11-21T10:00:00Z\",\"tags\":[\"a\",\"b\",\"c\"],"
	"\"meta\":{\"a\":1},\"vector\":[1,2.5,-3],\"embedder\":\"e/1/3/f32\","
	"\"conflicts\":[{\"text\":\"u\",\"tags\":[\"x\"]},{\"text\":\"v\"}]}";

/* Damage of one or two bytes: an answer of a known kind, with words to it. */
static void damaged(void)
{
	struct eng_rng g;
	struct record r = {0};
	int bad = 0, read = 0;

	eng_rng_seed(&g, 12);
	for (int round = 0; round < 50000 && !bad; round++) {
		char line[sizeof sample];
		struct engram_error err = {0};
		size_t n = sizeof sample - 1;
		int code;

		memcpy(line, sample, sizeof sample);
		for (int i = 0; i < 1 + round % 2; i++)
			line[eng_rng_below(&g, n)] = (char)eng_rng_below(&g, 256);
		if (round % 5 == 0)
			n = eng_rng_below(&g, n);
		code = record_read(&r, line, n, &err);
		read += code == 0;
		bad += code < 0 && ((code != ENGRAM_EINPUT && code != ENGRAM_EVERSION) || !err.message[0]);
	}
	tap_int(bad, 0, "50,000 damaged lines are read or refused with a reason (seed 12)");
	tap_ok(read > 100, "some damage is not seen (%d)", read);
	record_free(&r);
}

static int read_sample(void *data)
{
	struct record r = {0};
	struct engram_error err;
	int code = record_read(&r, sample, sizeof sample - 1, &err);

	record_free(&r);
	return code;
}

static void types(void)
{
	struct record r = {.drop = ENGRAM_STORED};
	struct engram_error err = {0};
	const char *hit = "{\"type\":\"hit\",\"id\":\"01h455vb4pex5vsknk084sn02q\",\"text\":\"t\","
	                  "\"confidence\":0.5,\"interval\":[0,1],\"score\":1.5,"
	                  "\"why\":{\"a\":{}},\"stored\":\"2026-11-21\"}";
	const char *space = "{\"v\":1,\"type\":\"space\",\"id\":\"01h455vb4pex5vsknk084sn02q\","
	                    "\"created\":\"1970-01-01T00:00:01Z\",\"features\":[]}";

	tap_int(record_read(&r, hit, strlen(hit), &err), 0, "a hit");
	tap_int(r.memory.has, ENGRAM_TEXT, "loses id, confidence, stored");
	tap_int(record_read(&r, space, strlen(space), &err), 0, "a space");
	tap_ok(r.type == RECORD_SPACE && r.created_us == 1000000, "has its birth");
	tap_int(record_read(&r, sample, sizeof sample - 1, &err), 0, "a memory");
	tap_ok(!(r.memory.has & ENGRAM_STORED) && r.memory.has & ENGRAM_ID, "loses what is to be dropped");
	tap_int(r.memory.nconflicts, 2, "has its conflicts");
	record_free(&r);
}

static void signed4(void)
{
	static const struct {
		int32_t v;
		const char *text;
	} cases[] = {{0, "0"}, {1, "0.0001"}, {-1, "-0.0001"}, {10000, "1"}, {-25000, "-2.5"},
	             {12340, "1.234"},
	             {INT32_MAX, "214748.3647"}, {INT32_MIN, "-214748.3648"}};

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		struct eng_buf b = ENG_BUF_INIT;

		record_signed4(&b, cases[i].v);
		eng_buf_byte(&b, 0);
		tap_str((char *)b.p, cases[i].text, "%d/10,000", cases[i].v);
		eng_buf_free(&b);
	}
}

int main(void)
{
	types();
	signed4();
	round_trips();
	damaged();
	failalloc_each(read_sample, NULL, "reading a record");
	return tap_done();
}
