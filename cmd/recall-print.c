/* recall-print.c - one cue's answer on standard output, within a budget.
 *
 * --budget=BYTES bounds what one answer writes: lines or records with what ends
 * them, and with --json the summary too.  It is filled by rank.  The first hit
 * that does not fit is cut inside its text if a piece worth reading fits, and
 * everything behind it is left out: so what is missing ranks below what is there.
 * The best hit is always printed, with TEXT_KEPT bytes of its text if need be
 * beyond the budget: an answer without a hit would say that nothing was found. */
#include <string.h>

#include "base/json.h"
#include "common/record.h"
#include "common/row.h"
#include "recall-jobs.h"

/* A piece of text too short to tell what it is about only takes up room. */
#define TEXT_KEPT 32

struct answer {
	struct recall *recall;
	const struct engram_result *result;
	uint64_t number;
	size_t room;    /* bytes for hits; SIZE_MAX = no limit */
	size_t bytes;   /* of the hits printed */
	size_t printed, cut;
	struct eng_buf scratch; /* a text that was cut */
};

/* -- one hit ------------------------------------------------------------------- */

/* Without what ends it. */
static void write_hit(struct answer *a, const struct engram_hit *h, size_t whole_text)
{
	struct recall *r = a->recall;
	struct out *out = &r->cli.out;
	char id[ENGRAM_ID_TEXT + 1];
	struct eng_json_out o;

	if (r->ids) {
		engram_id_format(id, &h->memory.id);
		eng_buf_str(&out->buf, id);
	} else if (r->cli.json) {
		record_begin(&o, &out->buf, "hit");
		record_write_hit(&o, h, &(struct record_hit){.cued = a->result->cued, .explain = r->explain,
		                                             .cue = a->number, .whole_text = whole_text});
		eng_json_object_end(&o);
	} else {
		row_write(out, &(struct row){.memory = &h->memory, .hit = a->result->cued ? h : NULL,
		                             .explain = r->explain, .cue = a->number,
		                             .now_us = r->cli.now_us});
	}
}

/* The last place at or before n where no character is split. */
static size_t boundary(struct engram_str text, size_t n)
{
	while (n > 0 && n < text.n && ((uint8_t)text.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* The hit with the first `kept` bytes of its text, and a mark where it ends. */
static void write_cut(struct answer *a, const struct engram_hit *h, size_t kept)
{
	struct engram_hit cut = *h;
	struct engram_str text = h->memory.text;

	kept = boundary(text, kept);
	if (kept >= text.n) {
		write_hit(a, h, 0);
		return;
	}
	eng_buf_reset(&a->scratch);
	eng_buf_add(&a->scratch, text.p, kept);
	eng_buf_str(&a->scratch, "…");
	if (!a->recall->cli.json)
		eng_buf_printf(&a->scratch, " [+%zu bytes]", text.n - kept);
	if (a->scratch.failed)
		a->recall->cli.out.buf.failed = true;
	cut.memory.text = (struct engram_str){(char *)a->scratch.p, a->scratch.n};
	write_hit(a, &cut, text.n);
}

static size_t size_of_cut(struct answer *a, const struct engram_hit *h, size_t kept)
{
	struct eng_buf *b = &a->recall->cli.out.buf;
	size_t before = b->n, size;

	write_cut(a, h, kept);
	size = b->n - before + 1;
	b->n = before;
	return size;
}

/* The most of its text that fits: more text never takes fewer bytes, and each
 * byte of it at least one. */
static size_t most_kept(struct answer *a, const struct engram_hit *h, size_t left)
{
	size_t lo = 0, hi = h->memory.text.n < left ? h->memory.text.n : left;

	while (lo < hi) {
		size_t mid = lo + (hi - lo + 1) / 2;

		if (size_of_cut(a, h, mid) <= left)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

/* Prints a hit that takes `size` bytes as a whole, which do not fit; false: it
 * was left out.  What says that a text was cut may take more than it saves. */
static bool print_cut(struct answer *a, const struct engram_hit *h, size_t size)
{
	size_t n = h->memory.text.n, kept = most_kept(a, h, a->room - a->bytes);

	if (kept < TEXT_KEPT && a->printed > 0)
		return false;
	kept = boundary(h->memory.text, kept < TEXT_KEPT ? TEXT_KEPT : kept);
	if (kept >= n || size_of_cut(a, h, kept) >= size)
		kept = n;
	a->cut += kept < n;
	write_cut(a, h, kept);
	return true;
}

/* False: the budget is used up. */
static bool print_hit(struct answer *a, const struct engram_hit *h)
{
	struct eng_buf *b = &a->recall->cli.out.buf;
	size_t before = b->n, size, left = a->room - a->bytes;

	write_hit(a, h, 0);
	size = b->n - before + 1;
	if (size > left) {
		b->n = before;
		if (!print_cut(a, h, size))
			return false;
	}
	a->printed++;
	a->bytes += b->n - before + 1;
	out_end(&a->recall->cli.out);
	return size < left;
}

/* -- what it came to ------------------------------------------------------------- */

static void write_summary(struct answer *a, size_t returned, size_t over, size_t bytes)
{
	struct recall *r = a->recall;
	struct out *out = &r->cli.out;
	struct eng_json_out o;

	record_begin(&o, &out->buf, "summary");
	if (a->number)
		record_key_u64(&o, "cue", a->number);
	record_key_u64(&o, "returned", returned);
	record_key_u64(&o, "omitted", a->result->omitted + over);
	if (r->budget)
		record_key_u64(&o, "over_budget", over);
	record_key_u64(&o, "bytes", bytes);
	/* One store answers: only its index may be missing. */
	eng_json_key(&o, "partial"), eng_json_bool(&o, a->result->problem.p);
	eng_json_key(&o, "missing"), eng_json_array(&o);
	if (a->result->problem.p)
		eng_json_str(&o, "vectors", 7);
	eng_json_array_end(&o);
	record_key_u64(&o, "text_behind", a->result->text_behind);
	if (r->explain)
		record_key_u64(&o, "compared", a->result->compared);
	if (r->as_of_us < INT64_MAX)
		eng_json_key(&o, "as_of"), eng_json_time(&o, r->as_of_us);
	eng_json_object_end(&o);
}

/* What the budget leaves for hits: the summary is taken at its longest. */
static size_t room_for_hits(struct answer *a)
{
	struct recall *r = a->recall;
	struct eng_buf *b = &r->cli.out.buf;
	size_t before = b->n, summary = 0;

	if (!r->budget)
		return SIZE_MAX;
	if (r->cli.json) {
		write_summary(a, a->result->n, a->result->n, r->budget);
		summary = b->n - before + 1;
		b->n = before;
	}
	return r->budget > summary ? r->budget - summary : 0;
}

static void say_left_out(struct answer *a)
{
	size_t over = a->result->n - a->printed;
	struct cli *cli = &a->recall->cli;

	if (over > 0)
		cli_warn(cli, "%s more did not fit in %s bytes%s", cli_number(over),
		         cli_number(a->recall->budget), a->cut ? "; the last one shown is cut" : "");
	else if (a->cut > 0)
		cli_warn(cli, "the last one is cut to fit in %s bytes", cli_number(a->recall->budget));
}

void recall_print(struct recall *r, const struct engram_result *result, uint64_t number)
{
	struct answer a = {.recall = r, .result = result, .number = number, .scratch = ENG_BUF_INIT};

	a.room = room_for_hits(&a);
	while (a.printed < result->n && print_hit(&a, &result->hits[a.printed]))
		;
	if (r->cli.json) {
		write_summary(&a, a.printed, result->n - a.printed, a.bytes);
		out_end(&r->cli.out);
	} else {
		say_left_out(&a);
	}
	if (result->text_behind > 0 && r->cli.verbose)
		cli_warn(&r->cli,
		         "%s memories were searched without the index; engram-consolidate takes them in",
		         cli_number(result->text_behind));
	eng_buf_free(&a.scratch);
}
