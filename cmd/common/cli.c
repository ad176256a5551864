/* cli.c - see cli.h.
 *
 * Standard output carries data only; everything said here goes to standard
 * error, one write a line, and whatever a name or a text brings along is shown
 * with its control characters visible. */
#include "common/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "base/types.h"
#include "common/clock.h"
#include "common/crash.h"
#include "common/settings.h"
#include "common/stop.h"
#include "common/text.h"

#define FORMAT_VERSION 1 /* of what --json prints: "v" */
#define WAIT_MAX_MS (24 * 3600 * 1000)

static const char *const whens[] = {"auto", "always", "never", NULL};
static const char *const shows[] = {"options", "config", "verbs", NULL}; /* as enum opt_result has them */

#define AT(field) .at = offsetof(struct cli, field)

static const struct opt common[] = {
	{"space", 's', .kind = OPT_TEXT, .arg = "SPACE", .help = "the space (ENGRAM_SPACE; else default)",
	 AT(space_name), .setting = "space"},
	{"home", 'H', .kind = OPT_TEXT, .arg = "DIR", .help = "where the spaces are (ENGRAM_HOME)",
	 AT(home_path)},
	{"json", 'j', .kind = OPT_FLAG, .help = "one JSON object a line", AT(json)},
	{"null", '0', .kind = OPT_FLAG, .help = "records and lines end with NUL", AT(null)},
	{"quiet", 'q', .kind = OPT_FLAG, .help = "errors only", AT(quiet)},
	{"verbose", 'v', .kind = OPT_FLAG, .help = "say more on standard error", AT(verbose)},
	{"dry-run", 'n', .kind = OPT_FLAG, .help = "print what would be done, change nothing", AT(dry_run)},
	{"yes", 'y', .kind = OPT_FLAG, .help = "do not ask", AT(yes)},
	{"no-input", .kind = OPT_FLAG, .help = "never ask: what would ask is refused without --yes",
	 AT(no_input)},
	{"wait", .kind = OPT_DURATION, .arg = "SECONDS",
	 .help = "for another program (ENGRAM_WAIT; else 5), 0 = not",
	 AT(wait_ms), .max = WAIT_MAX_MS, .setting = "wait"},
	{"seq", .kind = OPT_FLAG, .help = "JSON with a record separator before each object (RFC 7464)", AT(seq)},
	{"format-version", .kind = OPT_COUNT, .arg = "NUMBER", .help = "the \"v\" of JSON wanted (1)",
	 AT(format_version), .max = UINT32_MAX},
	{"color", .kind = OPT_WORD, .arg = "WHEN", .help = "colours: auto, always or never", AT(color),
	 .words = whens, .setting = "color"},
	{"progress", .kind = OPT_WORD, .arg = "WHEN", .help = "progress: auto, always or never", AT(progress),
	 .words = whens, .setting = "progress"},
	{"config", .kind = OPT_TEXT, .arg = "FILE", .help = "settings from this file alone (ENGRAM_CONFIG)",
	 AT(config_path)},
	{"help", 'h', .kind = OPT_HELP, .arg = "WHAT",
	 .help = "print a summary (options, config, verbs: all of these), and exit",
	 .words = shows},
	{"version", 'V', .kind = OPT_VERSION, .help = "print the version and exit"},
};

/* -- messages -------------------------------------------------------------- */

static void say(const struct cli *cli, const char *text, const char *hint)
{
	struct eng_buf b = ENG_BUF_INIT;

	/* "unknown option --jsn; did you mean --json?" is a sentence. */
	bool sentence = hint && strncmp(hint, "did you mean --", 15) == 0;

	eng_buf_printf(&b, "%s: ", cli->program->name);
	text_add(&b, text, strlen(text), false, 0);
	if (hint && *hint) {
		eng_buf_str(&b, sentence ? "; " : " (");
		text_add(&b, hint, strlen(hint), false, 0);
		eng_buf_str(&b, sentence ? "" : ")");
	}
	eng_buf_byte(&b, '\n');
	out_stderr(b.p, b.n);
	eng_buf_free(&b);
}

/* The thing concerned.  Where nobody named it, it is what the message begins
 * with ("operand 3: wanted ..."), else what the program was about. */
static const char *object_of(const struct cli *cli, const struct engram_error *err, char out[128])
{
	const char *colon = strstr(err->message, ": ");

	if (err->object[0])
		return err->object;
	if (!colon || colon - err->message >= 128)
		return cli->space_name && *cli->space_name ? cli->space_name : cli->program->name;
	memcpy(out, err->message, (size_t)(colon - err->message));
	out[colon - err->message] = 0;
	return out;
}

static void say_json(const struct cli *cli, const struct engram_error *err, int exit_status)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_json_out o;
	/* 1 is not an error of the library: nothing was found. */
	const char *code = exit_status == EXIT_NOTHING ? "nothing-found" : engram_code_name(err->code);
	char named[128];
	const char *object = object_of(cli, err, named);

	eng_json_out(&o, &b);
	eng_json_object(&o);
	eng_json_key(&o, "v"), eng_json_u64(&o, 1);
	eng_json_key(&o, "type"), eng_json_str(&o, "error", 5);
	eng_json_key(&o, "code"), eng_json_str(&o, code, strlen(code));
	eng_json_key(&o, "exit"), eng_json_i64(&o, exit_status);
	eng_json_key(&o, "object"), eng_json_str(&o, object, strlen(object));
	eng_json_key(&o, "message"), eng_json_str(&o, err->message, strlen(err->message));
	eng_json_key(&o, "hint"), eng_json_str(&o, err->hint, strlen(err->hint));
	eng_json_key(&o, "retry"), eng_json_bool(&o, engram_code_retry(err->code));
	eng_json_object_end(&o);
	eng_buf_byte(&b, '\n');
	out_stderr(b.p, b.n);
	eng_buf_free(&b);
}

void cli_report(struct cli *cli, const struct engram_error *err, int exit_status)
{
	/* What was printed before comes first also where both go to one place. */
	out_flush(&cli->out);
	if (cli->json)
		say_json(cli, err, exit_status);
	else
		say(cli, err->message, err->hint);
	if (cli->debug)
		cli_warn(cli, "debug: code %s, exit %d, errno %d", engram_code_name(err->code), exit_status, err->os);
}

bool cli_fail(struct cli *cli, const struct engram_error *err)
{
	struct engram_error advised = *err;

	if (err->code == ENGRAM_EDAMAGED && !err->hint[0])
		eng_err_hint(&advised, "engram-consolidate --rebuild derives anew what is not the log; "
		                       "--check says what is damaged");
	cli->status = engram_code_exit(err->code);
	cli_report(cli, &advised, cli->status);
	return false;
}

bool cli_usage(struct cli *cli, const char *format, ...)
{
	struct engram_error err;
	char message[sizeof err.message];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	eng_err(&err, ENGRAM_EUSAGE, "%s", message);
	eng_err_hint(&err, "see %s --help", cli->program->name);
	return cli_fail(cli, &err);
}

bool cli_usage_short(struct cli *cli)
{
	struct eng_buf b = ENG_BUF_INIT;

	if (cli->json)
		return cli_usage(cli, "%s", cli->tables[0].nverbs > 0 ? "needs a verb"
		                                                       : "needs operands, or - for standard input");
	help_usage(&b, cli->program);
	out_stderr(b.p, b.n);
	eng_buf_free(&b);
	cli->status = engram_code_exit(ENGRAM_EUSAGE);
	return false;
}

ENG_PRINTF(2, 0) static void say_formatted(struct cli *cli, const char *format, va_list args)
{
	char message[600];

	vsnprintf(message, sizeof message, format, args);
	out_flush(&cli->out);
	say(cli, message, NULL);
}

void cli_warn(struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!cli->quiet)
		say_formatted(cli, format, args);
	va_end(args);
}

void cli_note(struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!cli->quiet && (cli->verbose || isatty(STDERR_FILENO)))
		say_formatted(cli, format, args);
	va_end(args);
}

static void show_notice(void *data, const char *line)
{
	struct cli *cli = data;

	say(cli, line, NULL);
}

const char *cli_number(uint64_t v)
{
	static char texts[5][28];
	static unsigned next;
	char *p = texts[next++ % ENG_COUNT(texts)] + 27;

	*p = 0;
	for (unsigned digits = 0; v || !digits; digits++, v /= 10) {
		if (digits && digits % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + v % 10);
	}
	return p;
}

bool cli_confirm(struct cli *cli, bool stdin_taken, const char *format, ...)
{
	char question[300], answer[16] = "";
	struct eng_buf b = ENG_BUF_INIT;
	ssize_t got;
	va_list args;

	if (cli->yes)
		return true;
	va_start(args, format);
	vsnprintf(question, sizeof question, format, args);
	va_end(args);
	if (stdin_taken || cli->no_input || !isatty(STDIN_FILENO))
		return cli_usage(cli, "%s: needs --yes where nobody can be asked", question);
	eng_buf_printf(&b, "%s: ", cli->program->name);
	text_add(&b, question, strlen(question), false, 0);
	eng_buf_str(&b, "? [y/N] ");
	out_stderr(b.p, b.n);
	eng_buf_free(&b);
	got = read(STDIN_FILENO, answer, sizeof answer - 1);
	if (got > 0 && (answer[0] == 'y' || answer[0] == 'Y'))
		return true;
	cli_note(cli, "nothing done");
	return false;
}

/* -- beginning -------------------------------------------------------------- */

/* A program started with a standard descriptor closed would open a log under
 * its number and print into it.  Each is taken by /dev/null, opened the wrong
 * way round so that using it still fails. */
static void guard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
				_exit(engram_code_exit(ENGRAM_EIO));
}

static bool show(struct cli *cli, enum opt_result what)
{
	if (what == OPT_SHOW_HELP)
		help_show(&cli->out.buf, cli->program, cli->tables, 2);
	else if (what == OPT_SHOW_OPTIONS)
		help_options(&cli->out.buf, cli->tables, 2);
	else if (what == OPT_SHOW_VERBS)
		help_verbs(&cli->out.buf, &cli->tables[0]);
	else
		help_version(&cli->out.buf, cli->program);
	return false;
}

/* A file that meets the limit of its size is an error like a full disk, with a
 * message, and not the end without one. */
static void take_size_limit(void)
{
	signal(SIGXFSZ, SIG_IGN);
}

/* What the common options say about each other. */
static bool check_common(struct cli *cli)
{
	struct engram_error err = {0};

	if (cli->seq && cli->null)
		return cli_usage(cli, "--seq: does not go with --null");
	cli->json |= cli->seq;
	if (cli->format_version <= FORMAT_VERSION)
		return true;
	eng_err(&err, ENGRAM_EVERSION, "--format-version: wanted at most %d, found %zu", FORMAT_VERSION,
	        cli->format_version);
	eng_err_hint(&err, "a newer engram may have it");
	return cli_fail(cli, &err);
}

static bool variable_is_set(const char *name)
{
	const char *v = getenv(name);

	return v && *v && strcmp(v, "0") != 0;
}

/* The first operand of a program with verbs. */
static bool take_verb(struct cli *cli)
{
	const struct opt_table *t = &cli->tables[0];
	const char *names[OPT_VERBS_MAX], *near;
	struct engram_error err = {0};

	if (cli->noperands == 0)
		return cli_usage_short(cli);
	if (*t->verb) {
		cli->operands++;
		cli->noperands--;
		return true;
	}
	for (size_t i = 0; i < t->nverbs; i++)
		names[i] = t->verbs[i].name;
	near = eng_nearest(cli->operands[0], names, t->nverbs);
	eng_err(&err, ENGRAM_EUSAGE, "unknown verb \"%s\"", cli->operands[0]);
	eng_err_object(&err, cli->operands[0]);
	if (near)
		eng_err_hint(&err, "did you mean %s?", near);
	else
		eng_err_hint(&err, "see %s --help", cli->program->name);
	return cli_fail(cli, &err);
}

bool cli_begin(struct cli *cli, const struct program *program, const struct opt_table *own, int argc,
               char **argv)
{
	struct engram_error err = {0};
	enum opt_result r;
	int operands;

	guard_descriptors();
	take_size_limit();
	cli->program = program;
	cli->tables[0] = *own;
	cli->tables[1] = (struct opt_table){.options = common, .n = ENG_COUNT(common), .target = cli};
	cli->now_us = clock_now_us();
	cli->format_version = FORMAT_VERSION;
	r = opt_parse(&operands, cli->tables, 2, argc, argv, cli->now_us, &err);
	cli->debug = variable_is_set("ENGRAM_DEBUG");
	cli->verbose |= cli->debug;
	cli->space_given = cli->space_name != NULL; /* the settings come later */
	if (r == OPT_BAD)
		return cli_fail(cli, &err);
	if (r != OPT_OK && r != OPT_SHOW_CONFIG)
		return show(cli, r);
	if (!check_common(cli) || !settings_apply(cli))
		return false;
	out_begin(&cli->out, cli->null, cli->seq, (enum when)cli->color);
	settings_warn(cli);
	if (r == OPT_SHOW_CONFIG) {
		settings_show(cli);
		return false;
	}
	cli->operands = argv + operands;
	cli->noperands = (size_t)(argc - operands);
	crash_catch(cli->program->name, cli->json);
	return cli->tables[0].nverbs == 0 || take_verb(cli);
}

/* -- opening and ending ------------------------------------------------------- */

bool cli_is_default(const struct cli *cli)
{
	return strcmp(cli->space_name, "default") == 0;
}

bool cli_open_home(struct cli *cli)
{
	struct engram_error err = {0};

	/* The settings may have been looked for there. */
	if (!cli->home && engram_home_open(&cli->home, cli->home_path, &err) < 0)
		return cli_fail(cli, &err);
	engram_home_notice(cli->home, show_notice, cli);
	return true;
}

bool cli_list_spaces(struct cli *cli, const char ***names, size_t *n)
{
	struct engram_error err = {0};

	if (!cli_open_home(cli))
		return false;
	if (engram_home_spaces(cli->home, names, n, &err) < 0)
		return cli_fail(cli, &err);
	if (*n > 0 || !cli->home_path || access(cli->home_path, F_OK) == 0)
		return true;
	eng_err(&err, ENGRAM_ENOFILE, "home %s: %s", cli->home_path, strerror(errno));
	eng_err_object(&err, cli->home_path);
	return cli_fail(cli, &err);
}

bool cli_open_space(struct cli *cli, unsigned flags)
{
	struct engram_error err = {0};

	if (!cli_open_home(cli))
		return false;
	if (engram_space_open(&cli->space, cli->home, cli->space_name, flags, (unsigned)cli->wait_ms,
	                      &err) == 0)
		return true;
	if (err.code == ENGRAM_ENOSPACE && cli_is_default(cli))
		eng_err_hint(&err, "the first engram-store makes it");
	return cli_fail(cli, &err);
}

int cli_end(struct cli *cli)
{
	struct engram_error err;

	engram_space_close(cli->space);
	engram_home_close(cli->home);
	engram_config_close(cli->config);
	opt_table_free(&cli->tables[0]);
	if (!out_close(&cli->out)) {
		eng_err_os(&err, cli->out.os, "standard output");
		if (cli->done)
			eng_err_hint(&err, "%s", cli->done);
		cli->status = engram_code_exit(ENGRAM_EIO);
		cli_report(cli, &err, cli->status);
	}
	if (stop_wanted() && cli->status != EXIT_DONE)
		cli->status = 128 + stop_wanted();
	return cli->status;
}
