/* cli.h - what every program is made of: its settings from the common options,
 * the home and the space, messages, and how it ends.
 *
 *     main = name (struct program), options (cli_begin), open (cli_open), run,
 *            report, close (cli_end)
 */
#ifndef CMD_CLI_H
#define CMD_CLI_H

#include "common/help.h"
#include "common/out.h"
#include "common/progress.h"

enum {
	EXIT_DONE = 0,
	EXIT_NOTHING = 1, /* nothing found, or a difference found */
	EXIT_PARTLY = 3,  /* the rest is durable */
};

struct cli {
	const struct program *program;
	struct opt_table tables[2]; /* own, common */
	/* set by the common options */
	const char *home_path;   /* NULL = as the library finds it */
	const char *space_name;
	bool space_given;        /* by an option */
	const char *config_path; /* NULL = as the library finds them */
	bool json, null, seq, quiet, verbose, dry_run, yes, no_input;
	size_t format_version;
	uint64_t wait_ms;
	int color, progress;     /* enum when */
	/* what is open */
	struct out out;
	struct engram_config *config;
	struct engram_home *home;
	struct engram_space *space;
	int64_t now_us;          /* when the program began */
	bool debug;              /* ENGRAM_DEBUG: what is behind what is said */
	int status;              /* what it will exit with */
	const char *done;        /* what stays done where standard output is lost; NULL = nothing to say */
	char **operands;
	size_t noperands;
};

/* Settings, options and standard streams.  False: answered already (help, or
 * a mistake); then only cli_end() is left. */
bool cli_begin(struct cli *cli, const struct program *program, const struct opt_table *own, int argc,
               char **argv);

/* Opens the home; then the space (enum engram_open_flags).  Only `default`
 * appears by itself, and only for a writer that asks with `appear`.  False:
 * reported. */
bool cli_open_home(struct cli *cli);
bool cli_open_space(struct cli *cli, unsigned flags);
bool cli_is_default(const struct cli *cli);
/* The names of all spaces, for engram_free().  A home that was named and is not
 * there is an error; the one of the environment only has no spaces yet. */
bool cli_list_spaces(struct cli *cli, const char ***names, size_t *n);

/* What the settings say for a key that is no option's: NULL = nothing. */
const char *cli_setting(const struct cli *cli, const char *key);

/* Closes everything; the exit status. */
int cli_end(struct cli *cli);

/* Reports err on stderr - "program: message (hint)", with --json an `error`
 * object - and makes its exit status that of the program.  Returns false. */
bool cli_fail(struct cli *cli, const struct engram_error *err);
/* The same with a status of its own, kept in cli->status by the caller. */
void cli_report(struct cli *cli, const struct engram_error *err, int exit_status);
/* A mistake in the call: exit 2. */
bool cli_usage(struct cli *cli, const char *format, ...) ENG_PRINTF(2, 3);
/* Called without operands: two lines about how, exit 2. */
bool cli_usage_short(struct cli *cli);
/* One line for a person: on a terminal unless -q, elsewhere with -v only. */
void cli_note(struct cli *cli, const char *format, ...) ENG_PRINTF(2, 3);
/* A warning: shown unless -q. */
void cli_warn(struct cli *cli, const char *format, ...) ENG_PRINTF(2, 3);

/* "forget 3 memories? [y/N]" on a terminal; else --yes is needed.  False: no,
 * or reported. */
bool cli_confirm(struct cli *cli, bool stdin_taken, const char *format, ...) ENG_PRINTF(3, 4);

/* 15190 as "15,190"; five at a time. */
const char *cli_number(uint64_t v);

#endif
