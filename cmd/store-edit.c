/* store-edit.c - memories by their ids: get, forget, revise. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base32.h"
#include "base/err.h"
#include "base/types.h"
#include "common/lines.h"
#include "common/record.h"
#include "common/row.h"
#include "store-jobs.h"

#define ID_LINE_MAX 4096

/* Ids that were asked for and found. */
struct picked {
	struct store *store;
	struct engram_id *ids; /* owned */
	size_t n;
	bool with_gone;        /* forgotten ones count as found: they go into gone */
	bool unseen;           /* whole ids are taken as they are: show() tells what is missing */
	struct engram_id *absent; /* owned: of ids, those that show() missed */
	size_t nabsent;
	struct engram_id *gone; /* owned */
	size_t ngone;
	uint64_t missing;
	int first_missing;     /* exit status of the first one not found */
	bool stdin_taken;
	bool failed;           /* reported */
};

static void not_found(struct picked *p, const struct engram_error *err)
{
	int status = engram_code_exit(err->code);

	if (p->missing++ == 0)
		p->first_missing = status;
	cli_report(&p->store->cli, err, status);
}

/* Appends to an array that doubles at powers of two; false: reported. */
static bool add(struct picked *p, struct engram_id **ids, size_t *n, const struct engram_id *id)
{
	if ((*n & (*n - 1)) == 0) {
		struct engram_id *more = eng_realloc(*ids, (*n ? 2 * *n : 1) * sizeof **ids);
		struct engram_error err;

		if (!more) {
			eng_err_nomem(&err);
			p->failed = true;
			return cli_fail(&p->store->cli, &err);
		}
		*ids = more;
	}
	(*ids)[(*n)++] = *id;
	return true;
}

static bool whole_id(struct engram_id *id, const char *text)
{
	struct engram_id hi;

	return strlen(text) == ENGRAM_ID_TEXT && eng_base32_range(id, &hi, text, ENGRAM_ID_TEXT);
}

static void resolve(struct picked *p, const char *text)
{
	struct engram_error err = {0};
	struct engram_id id;
	bool gone = false;
	int r = engram_resolve(p->store->cli.space, &id, &gone, text, &err);

	if (r == ENGRAM_ENOID || r == ENGRAM_EAMBIGUOUS || r == ENGRAM_EINPUT) {
		not_found(p, &err);
	} else if (r < 0) {
		p->failed = true;
		cli_fail(&p->store->cli, &err);
	} else if (!gone) {
		add(p, &p->ids, &p->n, &id);
	} else if (p->with_gone) {
		add(p, &p->gone, &p->ngone, &id);
	} else {
		eng_err(&err, ENGRAM_ENOID, "id %s: was forgotten", text);
		eng_err_object(&err, text);
		not_found(p, &err);
	}
}

/* Resolving looks at the space anew each time; a whole id does not need it. */
static void pick(struct picked *p, const char *text)
{
	struct engram_id id;

	if (p->unseen && whole_id(&id, text))
		add(p, &p->ids, &p->n, &id);
	else
		resolve(p, text);
}

static void pick_lines(struct picked *p)
{
	struct lines l;
	struct engram_str line;
	struct engram_error err = {0};
	enum lines_result r;

	p->stdin_taken = true;
	lines_open(&l, "-", p->store->cli.null ? 0 : '\n', ID_LINE_MAX, NULL);
	while (!p->failed && (r = lines_next(&l, &line, true, &err)) == LINES_LINE) {
		char text[ID_LINE_MAX + 1];

		memcpy(text, line.p, line.n);
		text[line.n] = 0;
		if (line.n > 0)
			pick(p, text);
	}
	if (!p->failed && r != LINES_END) {
		if (r == LINES_LONG)
			eng_err(&err, ENGRAM_EINPUT, "stdin:%llu: wanted an id, found a line over %u bytes",
			        (unsigned long long)l.number, ID_LINE_MAX);
		p->failed = true;
		cli_fail(&p->store->cli, &err);
	}
	lines_close(&l);
}

static int compare_ids(const void *a, const void *b)
{
	return eng_id_cmp(a, b);
}

/* Each id once: an id given twice is meant once. */
static void unite(struct picked *p)
{
	size_t kept = 0;

	if (p->n > 1)
		qsort(p->ids, p->n, sizeof *p->ids, compare_ids);
	for (size_t i = 0; i < p->n; i++)
		if (i == 0 || eng_id_cmp(&p->ids[kept - 1], &p->ids[i]) != 0)
			p->ids[kept++] = p->ids[i];
	p->n = kept;
}

/* The ids of the operands, `-` from standard input.  False: nothing to do. */
static bool pick_operands(struct picked *p, const char *mode)
{
	struct cli *cli = &p->store->cli;

	if (cli->noperands == 0)
		return cli_usage(cli, "--%s: needs an ID, or - for standard input", mode);
	if (!cli_open_space(cli, p->with_gone && !cli->dry_run ? ENGRAM_WRITE : ENGRAM_READ))
		return false;
	for (size_t i = 0; i < cli->noperands && !p->failed; i++)
		if (strcmp(cli->operands[i], "-") == 0)
			pick_lines(p);
		else
			pick(p, cli->operands[i]);
	return !p->failed;
}

static void end(struct picked *p)
{
	struct cli *cli = &p->store->cli;

	if (cli->status == EXIT_DONE && p->missing > 0)
		cli->status = p->n - p->nabsent + p->ngone > 0 ? EXIT_PARTLY : p->first_missing;
	eng_free(p->ids);
	eng_free(p->gone);
	eng_free(p->absent);
}

/* -- get ------------------------------------------------------------------- */

struct showing {
	struct picked *picked;
	store_print_fn *print;
	size_t at; /* which of the ids is called back */
};

static int print_memory(struct store *s, const struct engram_memory *m)
{
	struct cli *cli = &s->cli;
	struct eng_json_out o;

	if (cli->json) {
		record_begin(&o, &cli->out.buf, "memory");
		record_write_memory(&o, m);
		eng_json_object_end(&o);
	} else {
		row_write(&cli->out, &(struct row){.memory = m, .whole = true, .now_us = cli->now_us});
	}
	out_end(&cli->out);
	return cli->out.os ? ENGRAM_EIO : 0;
}

static int show(void *data, const struct engram_memory *m)
{
	struct showing *s = data;
	struct picked *p = s->picked;
	const struct engram_id *id = &p->ids[s->at++];

	if (!m)
		return add(p, &p->absent, &p->nabsent, id) ? 0 : ENGRAM_ENOMEM;
	return s->print(p->store, m);
}

/* Says of each id that was not there whether it was forgotten or never known. */
static void report_absent(struct picked *p)
{
	struct picked rest = {.store = p->store};

	for (size_t i = 0; i < p->nabsent && !rest.failed; i++) {
		char text[ENGRAM_ID_TEXT + 1];

		engram_id_format(text, &p->absent[i]);
		resolve(&rest, text);
	}
	if (p->missing == 0)
		p->first_missing = rest.missing ? rest.first_missing : engram_code_exit(ENGRAM_ENOID);
	p->missing += p->nabsent;
	eng_free(rest.ids);
}

static void show_picked(struct picked *p, store_print_fn *print)
{
	struct cli *cli = &p->store->cli;
	struct showing s = {.picked = p, .print = print};
	struct engram_error err = {0};

	if (engram_get(cli->space, p->ids, p->n, show, &s, &err) < 0 && !cli->out.os && !p->failed)
		cli_fail(cli, &err);
	else
		report_absent(p);
}

void store_show(struct store *s, const char *mode, store_print_fn *print)
{
	struct picked p = {.store = s, .unseen = true};

	if (pick_operands(&p, mode))
		show_picked(&p, print);
	end(&p);
}

void store_get(struct store *s)
{
	store_show(s, "get", print_memory);
}

/* -- forget ---------------------------------------------------------------- */

/* --now: the bytes too, without waiting for the next consolidation. */
static bool purge(struct cli *cli)
{
	const struct engram_consolidation how = {.tasks = ENGRAM_COMPACT};
	struct engram_report report;
	struct engram_error err = {0};

	if (engram_consolidate(cli->space, &report, &how, &err) == 0)
		return true;
	eng_err_prefix(&err, "forgotten, but its bytes are still there");
	return cli_fail(cli, &err);
}

/* The forgotten ones again too: a store that had not heard may have said something
 * of them since, a link or a correction, and that shall go as well. */
static bool forget(struct picked *p)
{
	struct cli *cli = &p->store->cli;
	struct engram_writer *w = NULL;
	struct engram_error err = {0};
	int r = engram_writer_open(&w, cli->space, 0, &err);

	if (r == 0)
		r = engram_forget(w, p->ids, p->n, &err);
	if (r == 0)
		r = engram_forget(w, p->gone, p->ngone, &err);
	if (r == 0)
		r = engram_commit(w, &err);
	engram_writer_close(w);
	return r == 0 || cli_fail(cli, &err);
}

static void forget_report(const struct picked *p)
{
	struct cli *cli = &p->store->cli;
	struct eng_json_out o;

	if (!cli->json) {
		cli_note(cli, "forgot %s in space %s", cli_number(p->n), cli->space_name);
		return;
	}
	record_begin(&o, &cli->out.buf, "report");
	record_key_str(&o, "space", cli->space_name);
	record_key_u64(&o, "forgotten", p->n);
	eng_json_key(&o, "purged"), eng_json_bool(&o, p->store->now);
	eng_json_object_end(&o);
	out_end(&cli->out);
}

/* Asks, hides, and with --now purges; false: no, or reported. */
static bool forget_for_good(struct picked *p)
{
	struct cli *cli = &p->store->cli;

	if (p->n > 0 && !cli_confirm(cli, p->stdin_taken, "forget %s in space %s", cli_number(p->n),
	                             cli->space_name))
		return false;
	return (p->n + p->ngone == 0 || forget(p)) && (!p->store->now || purge(cli));
}

void store_forget(struct store *s)
{
	struct picked p = {.store = s, .with_gone = true};

	if (pick_operands(&p, "forget")) {
		unite(&p);
		if (s->cli.dry_run)
			show_picked(&p, print_memory);
		else if (forget_for_good(&p))
			forget_report(&p), s->cli.done = "forgotten all the same";
	}
	end(&p);
}

/* -- revise ---------------------------------------------------------------- */

const char *const store_clear_words[] = {"confidence", "occurred", "valid-until", "source", "actor",
                                         "meta",       "tags",     "vector",      NULL};

static unsigned clear_fields(unsigned words)
{
	static const unsigned fields[] = {ENGRAM_CONFIDENCE, ENGRAM_OCCURRED, ENGRAM_VALID_UNTIL,
	                                  ENGRAM_SOURCE,     ENGRAM_ACTOR,    ENGRAM_META,
	                                  ENGRAM_TAGS,       ENGRAM_VECTOR};
	unsigned result = 0;

	for (size_t i = 0; i < ENG_COUNT(fields); i++)
		if (words >> i & 1)
			result |= fields[i];
	return result;
}

/* What the call asks for; false: reported. */
static bool read_revision(struct store *s, struct engram_memory *m)
{
	struct cli *cli = &s->cli;

	store_fields(s, m);
	if (cli->noperands == 0 || cli->noperands > 2)
		return cli_usage(cli, "--revise: wanted ID [TEXT], found %zu operands", cli->noperands);
	if (cli->noperands == 2) {
		if (strcmp(cli->operands[1], "-") == 0)
			return cli_usage(cli, "--revise: TEXT is not read from standard input");
		m->has |= ENGRAM_TEXT;
		m->text = eng_str(cli->operands[1]);
	}
	if (!m->has && !s->clear && s->untags.n == 0)
		return cli_usage(cli, "--revise: nothing to change: give a TEXT or a field");
	return true;
}

/* A new text has a new vector, stated with it. */
static int embed_text(struct engram_embedder *e, struct engram_memory *m, struct engram_error *err)
{
	int r;

	if (!e || !(m->has & ENGRAM_TEXT) || m->text.n == 0)
		return 0;
	r = engram_check(m, err);
	if (r == 0)
		r = embed_one(e, m->text, &m->vector, &m->dim, err);
	if (r == 0 && m->vector) {
		m->embedder = eng_str(engram_embedder_identity(e));
		m->has |= ENGRAM_VECTOR;
	}
	return r;
}

static bool revise(struct store *s, const struct engram_id *id, struct engram_memory *m)
{
	struct cli *cli = &s->cli;
	struct engram_writer *w = NULL;
	struct engram_embedder *e;
	struct engram_error err = {0};
	int r;

	if (!embed_open(cli, &e))
		return false;
	r = embed_text(e, m, &err);
	if (r == 0)
		r = engram_writer_open(&w, cli->space, 0, &err);
	if (r == 0)
		r = engram_revise(w, id, m, clear_fields(s->clear), s->untags.items, s->untags.n, &err);
	if (r == 0)
		r = engram_commit(w, &err);
	engram_writer_close(w);
	engram_embedder_close(e);
	return r == 0 || cli_fail(cli, &err);
}

/* -- revise --dry-run: the memory as it would be -------------------------------- */

struct preview {
	struct store *store;
	const struct engram_memory *given;
};

static int compare_tags(const void *a, const void *b)
{
	const struct engram_str *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int c = n ? memcmp(x->p, y->p, n) : 0;

	return c ? c : (x->n > y->n) - (x->n < y->n);
}

static bool is_untagged(const struct store *s, struct engram_str tag)
{
	for (size_t i = 0; i < s->untags.n; i++)
		if (eng_str_eq(tag, s->untags.items[i]))
			return true;
	return false;
}

/* Those it has but the ones taken away, and those given: sorted, each once. */
static size_t preview_tags(const struct preview *p, struct engram_str *out, const struct engram_memory *m, bool clear)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; !clear && i < m->ntags; i++)
		if (!is_untagged(p->store, m->tags[i]))
			out[n++] = m->tags[i];
	for (size_t i = 0; i < p->given->ntags; i++)
		out[n++] = p->given->tags[i];
	if (n > 1)
		qsort(out, n, sizeof *out, compare_tags);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !eng_str_eq(out[kept - 1], out[i]))
			out[kept++] = out[i];
	return kept;
}

static void state_fields(struct engram_memory *m, const struct engram_memory *given)
{
	if (given->has & ENGRAM_TEXT) {
		m->text = given->text;
		m->has &= ~(unsigned)ENGRAM_VECTOR; /* it was made of the other text */
	}
	if (given->has & ENGRAM_KIND)
		m->kind = given->kind;
	if (given->has & ENGRAM_CONFIDENCE)
		m->confidence = given->confidence;
	if (given->has & ENGRAM_OCCURRED)
		m->occurred_us = given->occurred_us;
	if (given->has & ENGRAM_VALID_UNTIL)
		m->valid_until_us = given->valid_until_us;
	if (given->has & ENGRAM_SOURCE)
		m->source = given->source;
	if (given->has & ENGRAM_ACTOR)
		m->actor = given->actor;
	if (given->has & ENGRAM_META)
		m->meta = given->meta;
	m->has |= given->has;
}

static bool settles(const struct engram_memory *m, unsigned fields)
{
	for (size_t i = 0; i < m->nclaims; i++)
		if (!(m->claims[i].field & fields))
			return false;
	return true;
}

static int show_preview(void *data, const struct engram_memory *m)
{
	struct preview *p = data;
	struct engram_memory would = *m;
	unsigned clear = clear_fields(p->store->clear);
	struct engram_str *tags = eng_calloc(m->ntags + p->given->ntags + 1, sizeof *tags);
	int r;

	if (!tags)
		return ENGRAM_ENOMEM;
	would.has &= ~clear;
	state_fields(&would, p->given);
	would.tags = tags;
	would.ntags = preview_tags(p, tags, m, clear & ENGRAM_TAGS);
	if (settles(m, p->given->has | clear))
		would.nconflicts = 0;
	r = print_memory(p->store, &would);
	eng_free(tags);
	return r;
}

static void preview(struct store *s, const struct engram_id *id, const struct engram_memory *given)
{
	struct cli *cli = &s->cli;
	struct preview p = {.store = s, .given = given};
	struct engram_error err = {0};

	if (engram_get(cli->space, id, 1, show_preview, &p, &err) < 0 && !cli->out.os)
		cli_fail(cli, &err);
}

static void revised(struct cli *cli, const struct engram_id *id)
{
	char text[ENGRAM_ID_TEXT + 1];
	struct eng_json_out o;

	if (cli->json) {
		record_begin(&o, &cli->out.buf, "stored");
		eng_json_key(&o, "id"), eng_json_id(&o, id);
		eng_json_object_end(&o);
	} else {
		engram_id_format(text, id);
		eng_buf_str(&cli->out.buf, text);
	}
	out_end(&cli->out);
	cli->done = "it is revised all the same";
}

void store_revise(struct store *s)
{
	struct cli *cli = &s->cli;
	struct engram_memory m;
	struct picked p = {.store = s};

	if (!read_revision(s, &m) || !cli_open_space(cli, cli->dry_run ? ENGRAM_READ : ENGRAM_WRITE))
		return;
	pick(&p, cli->operands[0]);
	if (p.n == 1 && cli->dry_run)
		preview(s, &p.ids[0], &m);
	else if (p.n == 1 && revise(s, &p.ids[0], &m))
		revised(cli, &p.ids[0]);
	end(&p);
}

/* -- link ------------------------------------------------------------------ */

static void print_edge(struct cli *cli, const struct engram_id *from, const struct engram_link *l)
{
	char text[2][ENGRAM_ID_TEXT + 1];
	struct eng_json_out o;

	if (cli->json) {
		record_begin(&o, &cli->out.buf, "edge");
		record_write_edge(&o, from, l);
		eng_json_object_end(&o);
	} else {
		engram_id_format(text[0], from);
		engram_id_format(text[1], &l->to);
		out_printf(&cli->out, "%s\t%s\t%.*s", text[0], text[1], (int)l->relation.n,
		           l->relation.p ? l->relation.p : "");
	}
	out_end(&cli->out);
}

/* From the first of the ids to the others. */
static void link_picked(struct picked *p)
{
	struct store *s = p->store;
	struct engram_link *links = eng_calloc(p->n, sizeof *links);
	struct engram_writer *w = NULL;
	struct engram_error err = {0};
	enum engram_put_result put;
	size_t n = p->n - 1;
	int r = links ? 0 : eng_err_nomem(&err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		engram_link_init(&links[i]);
		links[i].to = p->ids[i + 1];
		links[i].relation = eng_str(s->relation);
		links[i].weight = s->weight != UINT32_MAX ? s->weight : links[i].weight;
		links[i].confidence = s->confidence != UINT32_MAX ? s->confidence : links[i].confidence;
	}
	if (r == 0 && !s->cli.dry_run) {
		r = engram_writer_open(&w, s->cli.space, 0, &err);
		if (r == 0)
			r = engram_link(w, &put, &p->ids[0], links, n, &err);
		if (r == 0)
			r = engram_commit(w, &err);
		engram_writer_close(w);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		print_edge(&s->cli, &p->ids[0], &links[i]);
	if (r < 0)
		cli_fail(&s->cli, &err);
	else if (!s->cli.dry_run)
		s->cli.done = "they are linked all the same";
	eng_free(links);
}

void store_link(struct store *s)
{
	struct cli *cli = &s->cli;
	struct picked p = {.store = s};

	if (cli->noperands < 2 || strcmp(cli->operands[0], "-") == 0) {
		cli_usage(cli, "--link: wanted FROM and at least one TO");
		return;
	}
	if (!cli_open_space(cli, cli->dry_run ? ENGRAM_READ : ENGRAM_WRITE))
		return;
	pick(&p, cli->operands[0]);
	for (size_t i = 1; p.n > 0 && !p.failed && i < cli->noperands; i++)
		if (strcmp(cli->operands[i], "-") == 0)
			pick_lines(&p);
		else
			pick(&p, cli->operands[i]);
	if (!p.failed && p.n > 1)
		link_picked(&p);
	if (p.n == 1) /* FROM alone is nothing done */
		p.n = 0;
	end(&p);
}
