/* shipwal-move.c - frames from one store to another: with a peer, as one, through
 * a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "common/record.h"
#include "common/stop.h"
#include "shipwal-jobs.h"
#include "shipwal-peer.h"

/* -- reporting -------------------------------------------------------------------- */

static void hex(char out[33], const uint8_t digest[16])
{
	for (int i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void report_json(struct shipwal *s, const char *peer, const struct engram_sync_report *r)
{
	struct eng_json_out o;
	char digest[33];

	record_begin(&o, &s->cli.out.buf, "report");
	record_key_str(&o, "space", s->cli.space_name);
	if (peer)
		record_key_str(&o, "peer", peer);
	eng_json_key(&o, "dry_run"), eng_json_bool(&o, s->cli.dry_run);
	record_key_u64(&o, "frames_sent", r->frames_sent);
	record_key_u64(&o, "frame_bytes_sent", r->frame_bytes_sent);
	record_key_u64(&o, "frames_received", r->frames_received);
	record_key_u64(&o, "frame_bytes_received", r->frame_bytes_received);
	record_key_u64(&o, "frames_known", r->frames_known);
	record_key_u64(&o, "frames_due_out", r->frames_due_out);
	record_key_u64(&o, "frames_due_in", r->frames_due_in);
	record_key_u64(&o, "bytes_out", r->bytes_out);
	record_key_u64(&o, "bytes_in", r->bytes_in);
	record_key_u64(&o, "series_sent", r->series_sent);
	record_key_u64(&o, "series_received", r->series_received);
	record_key_u64(&o, "forks", r->forks);
	record_key_u64(&o, "mended", r->mended);
	record_key_u64(&o, "held", r->held);
	record_key_u64(&o, "peer_held", r->peer_held);
	eng_json_key(&o, "adopted"), eng_json_bool(&o, r->adopted);
	eng_json_key(&o, "compared"), eng_json_bool(&o, r->compared);
	if (r->compared) {
		hex(digest, r->digest);
		eng_json_key(&o, "equal"), eng_json_bool(&o, r->equal);
		record_key_str(&o, "digest", digest);
	}
	record_key_u64(&o, "elapsed_us", (uint64_t)r->elapsed_us);
	eng_json_object_end(&o);
	out_end(&s->cli.out);
}

static const char *comparison(const struct engram_sync_report *r)
{
	if (!r->compared)
		return "";
	return r->equal ? "; both are equal now" : "; they differ";
}

static const char *frames(uint64_t n)
{
	return n == 1 ? "frame" : "frames";
}

static void report_line(struct shipwal *s, const char *peer, const struct engram_sync_report *r)
{
	const char *space = s->cli.space_name, *comma = peer ? ", " : "";
	uint64_t out = r->frames_sent, in = r->frames_received;

	peer = peer ? peer : "";
	if (s->cli.dry_run)
		cli_note(&s->cli, "space %s%s%s: would send %s and receive %s frames", space, comma, peer,
		         cli_number(s->verb == SHIPWAL_PULL ? 0 : r->frames_due_out),
		         cli_number(s->verb == SHIPWAL_PUSH ? 0 : r->frames_due_in));
	else if (s->verb == SHIPWAL_PULL || s->verb == SHIPWAL_RECEIVE)
		cli_note(&s->cli, "space %s%s%s: received %s %s (%s bytes)%s", space, comma, peer, cli_number(in),
		         frames(in), cli_number(r->bytes_in), comparison(r));
	else if (s->verb == SHIPWAL_PUSH || s->verb == SHIPWAL_SEND)
		cli_note(&s->cli, "space %s%s%s: sent %s %s (%s bytes)%s", space, comma, peer, cli_number(out),
		         frames(out), cli_number(r->bytes_out), comparison(r));
	else
		cli_note(&s->cli, "space %s%s%s: sent %s and received %s frames (%s and %s bytes)%s", space, comma,
		         peer, cli_number(out), cli_number(in), cli_number(r->bytes_out), cli_number(r->bytes_in),
		         comparison(r));
}

/* What a person should know whatever the outcome. */
static void warn_of(struct shipwal *s, const struct engram_sync_report *r)
{
	if (r->forks > 0)
		cli_warn(&s->cli, "%s series went on in two stores; both continuations are kept", cli_number(r->forks));
	if (r->held > 0)
		cli_warn(&s->cli, "%s frames wait: their clock is ahead, or what they rest on has not come "
		                  "(engram-consolidate says of each log which)", cli_number(r->held));
}

/* After a session; stdout_taken: frames were written there. */
static void finish(struct shipwal *s, const char *peer, const struct engram_sync_report *r, int code,
                   const struct engram_error *err, bool stdout_taken)
{
	struct cli *cli = &s->cli;

	progress_end(&s->progress);
	warn_of(s, r);
	if (code == 0 && cli->json && !stdout_taken && !cli->quiet)
		report_json(s, peer, r);
	/* Whoever called a server has a summary of its own. */
	if ((code == 0 || r->frames_sent + r->frames_received > 0) && (s->verb != SHIPWAL_SERVE || s->cli.verbose))
		report_line(s, peer, r);
	if (code == 0)
		return;
	cli->status = engram_code_exit(code);
	if (!stop_wanted())
		cli_fail(cli, err);
}

/* -- opening ------------------------------------------------------------------------ */

static unsigned may_create(const struct shipwal *s, const char *space)
{
	return s->create || strcmp(space, "default") == 0 ? ENGRAM_CREATE : 0u;
}

static bool is_missing(const struct engram_home *home)
{
	return access(engram_home_path(home), F_OK) < 0 && errno == ENOENT;
}

/* Nobody said --create: a mistyped path should be noticed. */
static void tell_made(struct shipwal *s, const char *space, const struct engram_home *home)
{
	if (!s->create)
		cli_warn(&s->cli, "made space %s in %s", space, engram_home_path(home));
}

static bool open_own(struct shipwal *s, bool takes)
{
	struct cli *cli = &s->cli;
	bool missing = cli_open_home(cli) && is_missing(cli->home);

	if (!cli->home || !cli_open_space(cli, takes ? ENGRAM_WRITE | may_create(s, cli->space_name) : ENGRAM_READ))
		return false;
	if (missing)
		tell_made(s, cli->space_name, cli->home);
	return true;
}

static struct engram_sync_options options(struct shipwal *s, bool gives, bool takes)
{
	stop_catch();
	progress_begin(&s->progress, s->cli.program->name, (enum when)s->cli.progress, s->cli.quiet);
	return (struct engram_sync_options){
		.flags = (gives ? ENGRAM_GIVE : 0u) | (takes ? ENGRAM_TAKE : 0u),
		.timeout_ms = (unsigned)s->timeout_ms,
		.progress = shipwal_progress,
		.data = s,
	};
}

static bool refuse_dry_run(struct shipwal *s, const char *verb)
{
	return !s->cli.dry_run || cli_usage(&s->cli, "--dry-run: does not go with %s", verb);
}

/* -- sync, pull, push ------------------------------------------------------------------ */

/* Which side does what. */
struct sides {
	bool gives, takes;
};

static int with_home(struct shipwal *s, struct engram_sync_report *r, const struct engram_sync_options *o,
                     const struct peer *p, struct sides sides, struct engram_error *err)
{
	const char *name = s->peer_space ? s->peer_space : s->cli.space_name;
	unsigned flags = sides.gives ? ENGRAM_WRITE | may_create(s, name) : ENGRAM_READ;
	struct engram_home *home = NULL;
	struct engram_space *space = NULL;
	bool missing = false;
	int code = engram_home_open(&home, p->home, err);

	if (code == 0) {
		missing = is_missing(home);
		code = engram_space_open(&space, home, name, flags, (unsigned)s->cli.wait_ms, err);
	}
	if (code == 0 && missing)
		tell_made(s, name, home);
	if (code < 0)
		eng_err_prefix(err, "%s", p->text);
	if (code == 0)
		code = engram_sync_space(s->cli.space, r, o, space, err);
	engram_space_close(space);
	engram_home_close(home);
	return code;
}

static int with_host(struct shipwal *s, struct engram_sync_report *r, const struct engram_sync_options *o,
                     const struct peer *p, struct sides sides, struct engram_error *err)
{
	struct peer_call call = {
		.rsh = s->rsh ? s->rsh : "ssh",
		.program = s->peer_program ? s->peer_program : "engram-shipwal",
		.space = s->peer_space ? s->peer_space : s->cli.space_name,
		.gives = sides.takes,
		.takes = sides.gives,
		.create = s->create && sides.gives,
	};
	struct eng_buf command = ENG_BUF_INIT;
	int code = peer_command(&command, p, &call, err);

	if (code == 0)
		code = engram_sync_command(s->cli.space, r, o, (const char *)command.p, err);
	eng_buf_free(&command);
	return code;
}

void shipwal_peer(struct shipwal *s)
{
	struct cli *cli = &s->cli;
	struct sides sides = {.gives = s->verb != SHIPWAL_PULL, .takes = s->verb != SHIPWAL_PUSH};
	struct engram_sync_report r = {0};
	struct engram_sync_options o;
	struct engram_error err = {0};
	struct peer p;
	int code;

	if (peer_parse(&p, cli->operands[0], &err) < 0) {
		cli_fail(cli, &err);
		return;
	}
	/* A session in which nobody may do anything still tells how far both are. */
	if (cli->dry_run)
		sides = (struct sides){0};
	if (!open_own(s, sides.takes))
		return;
	o = options(s, sides.gives, sides.takes);
	if (p.kind == PEER_LOCAL)
		code = with_home(s, &r, &o, &p, sides, &err);
	else if (p.kind == PEER_COMMAND)
		code = engram_sync_command(cli->space, &r, &o, p.command, &err);
	else
		code = with_host(s, &r, &o, &p, sides, &err);
	finish(s, p.text, &r, code, &err, false);
}

/* -- the other end, files ----------------------------------------------------------------- */

void shipwal_serve(struct shipwal *s)
{
	struct engram_sync_report r = {0};
	struct engram_sync_options o;
	struct engram_error err = {0};
	int code;

	if (!refuse_dry_run(s, "serve"))
		return;
	if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO)) {
		cli_usage(&s->cli, "serve: standard input and output must lead to a peer, not to a terminal");
		return;
	}
	if (!open_own(s, !s->no_take))
		return;
	o = options(s, !s->no_give, !s->no_take);
	code = engram_sync(s->cli.space, &r, &o, STDIN_FILENO, STDOUT_FILENO, &err);
	finish(s, NULL, &r, code, &err, true);
}

void shipwal_send(struct shipwal *s)
{
	struct engram_sync_report r = {0};
	struct engram_sync_options o;
	struct engram_position *after = NULL;
	struct engram_error err = {0};
	size_t n;
	int code;

	if (!refuse_dry_run(s, "send"))
		return;
	if (isatty(STDOUT_FILENO)) {
		cli_usage(&s->cli, "send: standard output is a terminal: wanted a file or a pipe");
		return;
	}
	if (!shipwal_after(s, &after, &n) || !cli_open_space(&s->cli, ENGRAM_READ))
		goto out;
	o = options(s, true, false);
	o.after = after;
	o.nafter = n;
	code = engram_send(s->cli.space, &r, &o, STDOUT_FILENO, &err);
	if (code < 0 && err.os == EPIPE) /* `send | head`: nobody to tell */
		out_die_of_pipe();
	finish(s, NULL, &r, code, &err, true);
out:
	engram_free(after);
}

void shipwal_receive(struct shipwal *s)
{
	struct engram_sync_report r = {0};
	struct engram_sync_options o;
	struct engram_error err = {0};
	int code;

	if (!refuse_dry_run(s, "receive"))
		return;
	if (isatty(STDIN_FILENO)) {
		cli_usage(&s->cli, "receive: standard input is a terminal: wanted frames, as engram-shipwal send writes them");
		return;
	}
	if (!open_own(s, true))
		return;
	o = options(s, false, true);
	code = engram_receive(s->cli.space, &r, &o, STDIN_FILENO, &err);
	finish(s, NULL, &r, code, &err, false);
}
