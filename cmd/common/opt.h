/* opt.h - options as data: one table per program gives parsing, --help, and
 * the plain listing that tests and completions read (--help=options). */
#ifndef CMD_OPT_H
#define CMD_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engram.h"

/* Texts collected from a repeatable option; they point into argv. */
struct opt_list {
	struct engram_str *items; /* owned, eng_alloc */
	size_t n;
};

/* How a value is read, and what lies at its offset. */
enum opt_kind {
	OPT_FLAG,     /* bool: becomes true */
	OPT_TEXT,     /* const char * */
	OPT_LIST,     /* struct opt_list: appended */
	OPT_TIME,     /* int64_t, microseconds */
	OPT_UNIT,     /* uint32_t, 1/10,000 */
	OPT_COUNT,    /* size_t, 1..max */
	OPT_SIZE,     /* uint64_t, bytes, 1..max; K, M, G behind it */
	OPT_DURATION, /* uint64_t, milliseconds, 0..max */
	OPT_WORD,     /* int: place of the value in words */
	OPT_WORDS,    /* unsigned: bit per word, or'ed */
	OPT_MODE,     /* int: becomes `mode`; two different ones are refused; with
	               * words, the int at `word_at` becomes the place of the value */
	OPT_HELP,
	OPT_VERSION,
};

struct opt {
	const char *name;         /* long name, without dashes */
	char letter;              /* 0 = none */
	bool once;                /* a second value would silently lose the first */
	enum opt_kind kind;
	const char *arg;          /* what --help calls the value; NULL = takes none */
	const char *help;         /* NULL = shares the row of the next option */
	size_t at;                /* offset in the struct of its table */
	const char *const *words; /* NULL-terminated: the values allowed; NULL = any */
	uint64_t max;
	int mode;                 /* OPT_MODE: which, from 1 */
	size_t word_at;
	unsigned modes;           /* bit per mode it goes with (bit 0: no mode); 0 = all */
	const char *operands;     /* OPT_MODE: what they are: ID, SPACE, FILE, TEXT; NULL = none */
	const char *setting;      /* key in engram-config(5) that counts where it is not given */
	bool more;                /* --help names it only: it is not for the first hour */
};

/* A program whose first operand says what to do; verbs count from 1, as modes. */
struct opt_verb {
	const char *name;
	const char *operands; /* what --help calls what follows; NULL = nothing does */
	const char *help;     /* NULL = shares the row of the next verb */
};

#define OPT_TABLE_MAX 48
#define OPT_VERBS_MAX 16

/* A table and the struct that its offsets are of. */
struct opt_table {
	const struct opt *options;
	size_t n;
	void *target;
	const struct opt_verb *verbs; /* nverbs 0: operands are data */
	size_t nverbs;
	int *verb; /* by the parser: which one the first operand is, 0 = none of them */
	const char *given[OPT_TABLE_MAX]; /* by the parser: the value ("" for a flag), or NULL */
};

enum opt_result {
	OPT_OK,
	OPT_BAD,  /* err says what; exit 2 */
	OPT_SHOW_HELP,
	OPT_SHOW_OPTIONS, /* --help=options */
	OPT_SHOW_CONFIG,  /* --help=config */
	OPT_SHOW_VERBS,   /* --help=verbs */
	OPT_SHOW_VERSION,
};

/* Parses argv[1..]; operands may stand between options.  *operands is where
 * they begin in argv (moved behind the options).  `tables` are searched in
 * order; now_us is what relative times count from. */
enum opt_result opt_parse(int *operands, struct opt_table *tables, size_t ntables, int argc, char **argv,
                          int64_t now_us, struct engram_error *err);

/* One value as if given for `o`; `what` names the place for messages. */
int opt_set(const struct opt *o, void *target, const char *what, const char *value, int64_t now_us,
            struct engram_error *err);

/* Frees the lists that parsing filled. */
void opt_table_free(const struct opt_table *t);

#endif
