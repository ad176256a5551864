/* opt.c - the option parser over getopt_long.
 *
 * getopt_long finds the options and moves the operands behind them; the tables
 * say what a value must look like and where it goes.  Every refusal is one
 * line that names the option as the user wrote it, with the nearest known name
 * where a word is unknown. */
#include "common/opt.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"
#include "base/types.h"

#define OPTIONS_MAX (2 * OPT_TABLE_MAX)
#define FIRST_VALUE 256 /* getopt values of long options: above every letter */

/* All options of all tables by number, as getopt wants them. */
struct parser {
	const struct opt *options[OPTIONS_MAX];
	void *targets[OPTIONS_MAX];
	const char **given[OPTIONS_MAX]; /* in the table */
	size_t n;
	struct option longs[OPTIONS_MAX + 1];
	char letters[3 * OPTIONS_MAX + 2];
};

static void build(struct parser *p, struct opt_table *tables, size_t ntables)
{
	char *letter = p->letters;

	*letter++ = ':'; /* a missing value is ':', not '?' */
	for (size_t t = 0; t < ntables; t++)
		for (size_t i = 0; i < tables[t].n && p->n < OPTIONS_MAX; i++) {
			const struct opt *o = &tables[t].options[i];
			int has_arg = o->arg ? required_argument : no_argument;

			if (o->kind == OPT_HELP)
				has_arg = optional_argument; /* =options */
			p->longs[p->n] = (struct option){
				.name = o->name, .has_arg = has_arg, .val = FIRST_VALUE + (int)p->n};
			if (o->letter) {
				*letter++ = o->letter;
				if (has_arg == required_argument)
					*letter++ = ':';
			}
			p->options[p->n] = o;
			p->given[p->n] = &tables[t].given[i];
			p->targets[p->n++] = tables[t].target;
		}
}

static const struct opt *by_letter(const struct parser *p, int c, size_t *index)
{
	for (size_t i = 0; i < p->n; i++)
		if (c == p->options[i]->letter || c == FIRST_VALUE + (int)i) {
			*index = i;
			return p->options[i];
		}
	return NULL;
}

static int unknown(const struct parser *p, const char *word, int letter, struct engram_error *err)
{
	const char *names[OPTIONS_MAX], *near;
	char name[64], object[80];
	size_t n;

	if (letter && letter < FIRST_VALUE) {
		snprintf(object, sizeof object, "-%c", letter);
		eng_err(err, ENGRAM_EUSAGE, "unknown option %s", object);
		eng_err_object(err, object);
		return ENGRAM_EUSAGE;
	}
	word += strspn(word, "-");
	n = strcspn(word, "=");
	if (n >= sizeof name)
		return eng_err(err, ENGRAM_EUSAGE, "unknown option --%.64s...", word);
	memcpy(name, word, n);
	name[n] = 0;
	if (letter) /* known, so it was given a value */
		return eng_err(err, ENGRAM_EUSAGE, "--%s: takes no value", name);
	for (size_t i = 0; i < p->n; i++)
		names[i] = p->options[i]->name;
	near = eng_nearest(name, names, p->n);
	snprintf(object, sizeof object, "--%s", name);
	eng_err(err, ENGRAM_EUSAGE, "unknown option %s", object);
	eng_err_object(err, object);
	if (near)
		eng_err_hint(err, "did you mean --%s?", near);
	return ENGRAM_EUSAGE;
}

static int word_index(const char *const *words, const char *value)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], value) == 0)
			return i;
	return -1;
}

/* "wanted a, b or c, found x (did you mean c?)" */
static int bad_word(const char *const *words, const char *what, const char *value, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	const char *near;
	size_t n = 0;

	while (words[n])
		n++;
	for (size_t i = 0; i < n; i++)
		eng_buf_printf(&b, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
	eng_buf_byte(&b, 0);
	eng_err(err, ENGRAM_EUSAGE, "%s: wanted %s, found \"%s\"", what, b.failed ? "?" : (char *)b.p, value);
	near = eng_nearest(value, words, n);
	if (near)
		eng_err_hint(err, "did you mean %s?", near);
	eng_buf_free(&b);
	return ENGRAM_EUSAGE;
}

static int add_item(struct opt_list *l, const char *value, struct engram_error *err)
{
	/* Doubling at powers of two: the length says when. */
	if ((l->n & (l->n - 1)) == 0) {
		struct engram_str *p = eng_realloc(l->items, (l->n ? 2 * l->n : 1) * sizeof *p);

		if (!p)
			return eng_err_nomem(err);
		l->items = p;
	}
	l->items[l->n++] = eng_str(value);
	return 0;
}

void opt_table_free(const struct opt_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct opt_list *l = (void *)((char *)t->target + t->options[i].at);

		if (t->options[i].kind != OPT_LIST)
			continue;
		eng_free(l->items);
		*l = (struct opt_list){0};
	}
}

static int wanted(struct engram_error *err, const char *what, const char *form, const char *value)
{
	return eng_err(err, ENGRAM_EUSAGE, "%s: wanted %s, found \"%s\"", what, form, value);
}

static int set_count(const struct opt *o, size_t *out, const char *what, const char *value,
                     struct engram_error *err)
{
	uint64_t v;

	if (!eng_parse_u64(&v, value, strlen(value)) || v == 0 || v > o->max)
		return eng_err(err, ENGRAM_EUSAGE, "%s: wanted a number 1..%llu, found \"%s\"", what,
		               (unsigned long long)o->max, value);
	*out = (size_t)v;
	return 0;
}

static int set_size(const struct opt *o, uint64_t *out, const char *what, const char *value,
                    struct engram_error *err)
{
	uint64_t v;

	if (!eng_parse_size(&v, value, strlen(value)) || v == 0 || v > o->max)
		return wanted(err, what, "a number of bytes (4000, 8K)", value);
	*out = v;
	return 0;
}

static int set_duration(const struct opt *o, uint64_t *out, const char *what, const char *value,
                        struct engram_error *err)
{
	uint64_t v;

	if (!eng_parse_duration_ms(&v, value, strlen(value)) || v > o->max)
		return wanted(err, what, "seconds (or 10m, 2h) up to a day", value);
	*out = v;
	return 0;
}

static int set_mode(const struct opt *o, void *target, int word, const char *what, const char *value,
                    struct engram_error *err)
{
	int *out = (int *)(void *)((char *)target + o->at);

	if (*out && *out != o->mode)
		return eng_err(err, ENGRAM_EUSAGE, "%s: only one of such options at a time", what);
	if (word < 0)
		return bad_word(o->words, what, value, err);
	if (o->words)
		*(int *)(void *)((char *)target + o->word_at) = word;
	*out = o->mode;
	return 0;
}

int opt_set(const struct opt *o, void *target, const char *what, const char *value, int64_t now_us,
            struct engram_error *err)
{
	void *at = (char *)target + o->at;
	int word = o->words && value ? word_index(o->words, value) : 0;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_TEXT:
		*(const char **)at = value;
		return 0;
	case OPT_LIST:
		return add_item(at, value, err);
	case OPT_TIME:
		if (!eng_parse_time(at, value, strlen(value), now_us))
			return wanted(err, what, "a time (2026-11-21, 2026-11-21T10:00:00Z, @1795341600, 3d)",
			              value);
		return 0;
	case OPT_UNIT:
		if (!eng_parse_unit4(at, value, strlen(value)))
			return wanted(err, what, "a number 0..1", value);
		return 0;
	case OPT_COUNT:
		return set_count(o, at, what, value, err);
	case OPT_SIZE:
		return set_size(o, at, what, value, err);
	case OPT_DURATION:
		return set_duration(o, at, what, value, err);
	case OPT_WORD:
		if (word < 0)
			return bad_word(o->words, what, value, err);
		*(int *)at = word;
		return 0;
	case OPT_WORDS:
		if (word < 0)
			return bad_word(o->words, what, value, err);
		*(unsigned *)at |= 1u << word;
		return 0;
	case OPT_MODE:
		return set_mode(o, target, word, what, value, err);
	case OPT_HELP:
	case OPT_VERSION:
		break;
	}
	return 0;
}

/* The verb that the first operand is. */
static void find_verb(const struct opt_table *t, const char *word)
{
	for (size_t i = 0; i < t->nverbs && word; i++)
		if (strcmp(t->verbs[i].name, word) == 0)
			*t->verb = (int)i + 1;
}

/* What was chosen, as it was written; NULL: nothing. */
static const char *chosen_mode(const struct parser *p, const struct opt_table *t, int *mode)
{
	*mode = 0;
	if (t->nverbs > 0) {
		*mode = *t->verb;
		return *mode ? t->verbs[*mode - 1].name : NULL;
	}
	for (size_t i = 0; i < p->n; i++)
		if (p->options[i]->kind == OPT_MODE && *p->given[i]) {
			*mode = p->options[i]->mode;
			return p->options[i]->name;
		}
	return NULL;
}

/* Options that say nothing in the mode that was chosen are refused: dropping
 * them in silence would do something else than asked. */
static int check_modes(const struct parser *p, const struct opt_table *t, struct engram_error *err)
{
	int mode;
	const char *chosen = chosen_mode(p, t, &mode);

	if (t->nverbs > 0 && !chosen)
		return 0; /* that is what is wrong */
	for (size_t i = 0; i < p->n; i++) {
		const struct opt *o = p->options[i];

		if (!*p->given[i] || !o->modes || o->modes >> mode & 1)
			continue;
		if (chosen)
			return eng_err(err, ENGRAM_EUSAGE, "--%s: does not go with %s%s", o->name,
			               t->nverbs > 0 ? "" : "--", chosen);
		for (size_t m = 0; m < p->n; m++)
			if (p->options[m]->kind == OPT_MODE && o->modes >> p->options[m]->mode & 1)
				return eng_err(err, ENGRAM_EUSAGE, "--%s: goes with --%s only", o->name,
				               p->options[m]->name);
	}
	return 0;
}

/* --help, and what else it may show: its words, in the order of enum opt_result. */
static enum opt_result help_of(const struct opt *o, const char *what, struct engram_error *err)
{
	int word = optarg ? word_index(o->words, optarg) : 0;

	if (!optarg)
		return OPT_SHOW_HELP;
	if (word < 0) {
		bad_word(o->words, what, optarg, err);
		return OPT_BAD;
	}
	return OPT_SHOW_OPTIONS + (enum opt_result)word;
}

/* One option as getopt found it; OPT_OK to go on. */
static enum opt_result take(struct parser *p, int c, const char *word, int64_t now_us,
                            struct engram_error *err)
{
	size_t i = 0;
	const struct opt *o = by_letter(p, c, &i);
	char what[80] = "";

	if (c == ':' || c == '?' || !o) {
		const struct opt *known = optopt ? by_letter(p, optopt, &i) : NULL;

		if (c == ':' && known)
			eng_err(err, ENGRAM_EUSAGE, "--%s: needs a value: %s", known->name, known->arg);
		else
			unknown(p, word, optopt, err);
		eng_err_object(err, word);
		return OPT_BAD;
	}
	if (o->kind == OPT_VERSION)
		return OPT_SHOW_VERSION;
	strcpy(what, "--");
	strncat(what, o->name, sizeof what - 3);
	if (o->kind == OPT_HELP)
		return help_of(o, what, err);
	if (o->once && *p->given[i]) {
		eng_err(err, ENGRAM_EUSAGE, "%s: given twice", what);
		eng_err_object(err, what);
		return OPT_BAD;
	}
	*p->given[i] = optarg ? optarg : "";
	if (opt_set(o, p->targets[i], what, optarg, now_us, err) == 0)
		return OPT_OK;
	eng_err_object(err, what);
	return OPT_BAD;
}

/* --help and --version answer whatever else is given, also behind a mistake. */
static enum opt_result asked_to_show(const struct parser *p, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return OPT_SHOW_HELP;
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
			return OPT_SHOW_VERSION;
	}
	return OPT_OK;
}

enum opt_result opt_parse(int *operands, struct opt_table *tables, size_t ntables, int argc, char **argv,
                          int64_t now_us, struct engram_error *err)
{
	struct parser p = {0};
	enum opt_result r = OPT_OK, later = OPT_OK;
	int c;

	build(&p, tables, ntables);
	opterr = 0;
	optind = 0; /* anew, also after a parse that ended inside a word */
	while (r == OPT_OK && (optopt = 0, c = getopt_long(argc, argv, p.letters, p.longs, NULL)) >= 0) {
		r = take(&p, c, argv[optind - 1], now_us, err);
		if (r == OPT_SHOW_CONFIG) { /* with what the other options say */
			later = r;
			r = OPT_OK;
		}
	}
	if (r == OPT_BAD && asked_to_show(&p, argc, argv) != OPT_OK)
		r = asked_to_show(&p, argc, argv);
	find_verb(&tables[0], argv[optind]);
	if (r == OPT_OK && check_modes(&p, &tables[0], err) < 0)
		r = OPT_BAD;
	*operands = optind;
	return r == OPT_OK ? later : r;
}
