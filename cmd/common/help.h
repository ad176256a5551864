/* help.h - what --help and --version print, made from the option tables. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include "base/buf.h"
#include "common/opt.h"

/* A program's face: everything that --help says but the options. */
struct program {
	const char *name;            /* "engram-recall", whatever argv[0] says */
	const char *purpose;
	const char *const *usages;   /* NULL-terminated, without the name */
	const char *const *examples; /* NULL-terminated */
	const char *exits;
	const char *others;          /* the programs beside it */
};

/* One screen: of tables[0], the program's own, a row each, or only the names of
 * those that are for later; the names of the others. */
void help_show(struct eng_buf *b, const struct program *program, const struct opt_table *tables,
               size_t ntables);
/* One option a line, tab-separated: name, letter, value, values allowed
 * (joined by |), more than once (+ or -), help, what the operands are. */
void help_options(struct eng_buf *b, const struct opt_table *tables, size_t ntables);
/* One verb a line: name, what follows it or -, help. */
void help_verbs(struct eng_buf *b, const struct opt_table *t);
void help_version(struct eng_buf *b, const struct program *program);
/* Two lines for a call that says nothing. */
void help_usage(struct eng_buf *b, const struct program *program);

#endif
