/* help.c - --help from the option tables, one screen of 24 lines: a row for each
 * option of the first hour (related ones share it), the others by name. */
#include "common/help.h"

#include <string.h>

#define HELP_COLUMN 32 /* where the texts begin: behind nearly every option */
#define HELP_WIDTH 80

static void add_option(struct eng_buf *b, const struct opt *o)
{
	if (o->letter)
		eng_buf_printf(b, "-%c, ", o->letter);
	eng_buf_printf(b, "--%s%s%s", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
}

static void pad(struct eng_buf *b, size_t line, size_t column)
{
	while (b->n - line < column && !b->failed)
		eng_buf_byte(b, ' ');
}

static void add_rows(struct eng_buf *b, const struct opt_table *t)
{
	size_t line = b->n;
	bool shares = false;

	for (size_t i = 0; i < t->n; i++) {
		const struct opt *o = &t->options[i];

		if (o->more)
			continue;
		eng_buf_str(b, shares ? ", " : "  ");
		add_option(b, o);
		shares = !o->help;
		if (shares)
			continue;
		if (b->n - line + 1 > HELP_COLUMN)
			eng_buf_str(b, "  ");
		pad(b, line, HELP_COLUMN);
		eng_buf_printf(b, "%s\n", o->help);
		line = b->n;
	}
}

static void add_verb_rows(struct eng_buf *b, const struct opt_table *t)
{
	size_t line = b->n;

	for (size_t i = 0; i < t->nverbs; i++) {
		const struct opt_verb *v = &t->verbs[i];

		eng_buf_printf(b, "%s%s", b->n == line ? "  " : ", ", v->name);
		if (!v->help)
			continue;
		eng_buf_printf(b, "%s%s", v->operands ? " " : "", v->operands ? v->operands : "");
		pad(b, line, HELP_COLUMN);
		eng_buf_printf(b, "%s\n", v->help);
		line = b->n;
	}
}

/* Names, and letters, in lines of their own; `only_more`: those that have no row. */
static void add_names(struct eng_buf *b, const char *head, const struct opt_table *t, bool only_more)
{
	size_t line = b->n;

	eng_buf_str(b, head);
	for (size_t i = 0; i < t->n; i++) {
		const struct opt *o = &t->options[i];
		size_t at = b->n;

		if (only_more && !o->more)
			continue;
		eng_buf_byte(b, ' ');
		if (o->letter)
			eng_buf_printf(b, "-%c ", o->letter);
		eng_buf_printf(b, "--%s", o->name);
		if (b->n - line >= HELP_WIDTH && !b->failed) {
			b->p[at] = '\n';
			line = at + 1;
		}
	}
	eng_buf_byte(b, '\n');
}

static bool has_more(const struct opt_table *t)
{
	size_t i = 0;

	while (i < t->n && !t->options[i].more)
		i++;
	return i < t->n;
}

static void add_usages(struct eng_buf *b, const struct program *program)
{
	for (size_t i = 0; program->usages[i]; i++)
		eng_buf_printf(b, "%s %s %s\n", i ? "      " : "Usage:", program->name, program->usages[i]);
}

void help_show(struct eng_buf *b, const struct program *program, const struct opt_table *tables,
               size_t ntables)
{
	add_usages(b, program);
	eng_buf_printf(b, "%s\n", program->purpose);
	for (size_t i = 0; program->examples[i]; i++)
		eng_buf_printf(b, "  %s\n", program->examples[i]);
	eng_buf_byte(b, '\n');
	add_verb_rows(b, &tables[0]);
	add_rows(b, &tables[0]);
	if (has_more(&tables[0]))
		add_names(b, "More:", &tables[0], true);
	for (size_t t = 1; t < ntables; t++)
		add_names(b, "Common:", &tables[t], false);
	eng_buf_printf(b, "Exit status: %s.\n", program->exits);
	eng_buf_printf(b, "Tables: --help=options, --help=config. Manual: %s(1), engram(7).\n", program->name);
	eng_buf_printf(b, "See also %s.\n", program->others);
}

void help_usage(struct eng_buf *b, const struct program *program)
{
	add_usages(b, program);
	eng_buf_printf(b, "See %s --help.\n", program->name);
}

static bool repeats(const struct opt *o)
{
	return o->kind == OPT_LIST || o->kind == OPT_WORDS;
}

void help_options(struct eng_buf *b, const struct opt_table *tables, size_t ntables)
{
	for (size_t t = 0; t < ntables; t++)
		for (size_t i = 0; i < tables[t].n; i++) {
			const struct opt *o = &tables[t].options[i], *described = o;
			char letter[2] = {o->letter ? o->letter : '-', 0};

			while (!described->help)
				described++;
			eng_buf_printf(b, "%s\t%s\t%s\t", o->name, letter, o->arg ? o->arg : "-");
			for (size_t w = 0; o->words && o->words[w]; w++)
				eng_buf_printf(b, "%s%s", w ? "|" : "", o->words[w]);
			eng_buf_printf(b, "%s\t%s\t%s\t%s\n", o->words ? "" : "-", repeats(o) ? "+" : "-",
			               described->help, o->operands ? o->operands : "-");
		}
}

void help_verbs(struct eng_buf *b, const struct opt_table *t)
{
	for (size_t i = 0; i < t->nverbs; i++) {
		const struct opt_verb *v = &t->verbs[i], *described = v;

		while (!described->help)
			described++;
		eng_buf_printf(b, "%s\t%s\t%s\n", v->name, described->operands ? described->operands : "-",
		               described->help);
	}
}

void help_version(struct eng_buf *b, const struct program *program)
{
	char libraries[ENGRAM_LIBRARIES_TEXT];

	engram_libraries(libraries);
	/* engram_version() is "engram 0.1.0". */
	eng_buf_printf(b, "%s (engram) %s\n", program->name, strchr(engram_version(), ' ') + 1);
	eng_buf_printf(b, "MIT licence; built with %s %s\n",
#ifdef __clang__
	               "clang", __clang_version__
#else
	               "gcc", __VERSION__
#endif
	);
	eng_buf_printf(b, "%s\n", libraries);
}
