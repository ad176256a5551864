/* shipwal-peer.c - what PEER means, and how a host is reached.
 *
 *     local:DIR           another home of this machine
 *     cmd:COMMAND         whatever speaks on standard input and output
 *     [user@]host[:DIR]   `engram-shipwal serve` there, over ssh
 *
 * Two shells read the command line of a host, ours and its own: each word is
 * quoted for the second and the whole for the first.  What ssh could take for an
 * option is refused. */
#include "shipwal-peer.h"

#include <string.h>

#include "base/err.h"
#include "base/types.h"

/* -- quoting ----------------------------------------------------------------------- */

static void add_quoted(struct eng_buf *b, const char *p, size_t n)
{
	eng_buf_byte(b, '\'');
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\'')
			eng_buf_str(b, "'\\''");
		else
			eng_buf_byte(b, (uint8_t)p[i]);
	eng_buf_byte(b, '\'');
}

/* " --name='value'" */
static void add_option(struct eng_buf *b, const char *name, struct engram_str value)
{
	eng_buf_printf(b, " --%s=", name);
	add_quoted(b, value.p, value.n);
}

/* -- parsing ------------------------------------------------------------------------ */

static bool all_of(struct engram_str s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(more, c)))
			return false;
	}
	return s.n > 0;
}

/* host, or [address] where it has colons of its own. */
static const char *take_host(struct engram_str *host, const char *p)
{
	const char *end;

	if (*p == '[') {
		end = strchr(p, ']');
		if (!end)
			return NULL;
		*host = (struct engram_str){p + 1, (size_t)(end - p - 1)};
		return all_of(*host, ".:%-") ? end + 1 : NULL;
	}
	end = p + strcspn(p, ":");
	*host = (struct engram_str){p, (size_t)(end - p)};
	return all_of(*host, ".-_") && *p != '-' ? end : NULL;
}

static bool parse_host(struct peer *out, const char *text)
{
	const char *at = text + strcspn(text, "@:/"), *p = text;

	if (*at == '@') {
		out->user = (struct engram_str){text, (size_t)(at - text)};
		if (!all_of(out->user, "._+-") || text[0] == '-')
			return false;
		p = at + 1;
	}
	p = take_host(&out->host, p);
	if (!p || (*p && *p != ':'))
		return false;
	if (*p)
		out->home = p + 1;
	return true;
}

int peer_parse(struct peer *out, const char *text, struct engram_error *err)
{
	*out = (struct peer){.text = text};
	if (strncmp(text, "local:", 6) == 0) {
		out->kind = PEER_LOCAL;
		out->home = text + 6;
	} else if (strncmp(text, "cmd:", 4) == 0) {
		out->kind = PEER_COMMAND;
		out->command = text + 4;
	} else if (parse_host(out, text)) {
		out->kind = PEER_HOST;
	} else {
		eng_err(err, ENGRAM_EUSAGE, "peer: wanted local:DIR, cmd:COMMAND or [user@]host[:DIR], found \"%s\"", text);
		if (text[0] == '/' || text[0] == '.' || text[0] == '~')
			eng_err_hint(err, "did you mean local:%.150s?", text);
		eng_err_object(err, "peer");
		return ENGRAM_EUSAGE;
	}
	if ((out->home && !*out->home) || (out->command && !*out->command)) {
		eng_err(err, ENGRAM_EUSAGE, "peer: wanted something behind the colon, found \"%s\"", text);
		eng_err_object(err, "peer");
		return ENGRAM_EUSAGE;
	}
	return 0;
}

/* -- the command of a host -------------------------------------------------------------- */

/* What is run there.  Its shell begins in the user's directory, so ~/ can go. */
static void add_serve(struct eng_buf *b, const struct peer *p, const struct peer_call *c)
{
	const char *home = p->home && strncmp(p->home, "~/", 2) == 0 ? p->home + 2 : p->home;

	eng_buf_printf(b, "%s serve", c->program);
	if (!c->gives)
		eng_buf_str(b, " --no-give");
	if (!c->takes)
		eng_buf_str(b, " --no-take");
	if (c->create)
		eng_buf_str(b, " --create");
	if (home)
		add_option(b, "home", eng_str(home));
	add_option(b, "space", eng_str(c->space));
}

int peer_command(struct eng_buf *b, const struct peer *p, const struct peer_call *c, struct engram_error *err)
{
	struct eng_buf there = ENG_BUF_INIT, who = ENG_BUF_INIT;

	if (p->user.n) {
		eng_buf_add(&who, p->user.p, p->user.n);
		eng_buf_byte(&who, '@');
	}
	eng_buf_add(&who, p->host.p, p->host.n);
	add_serve(&there, p, c);
	eng_buf_printf(b, "exec %s ", c->rsh);
	add_quoted(b, (const char *)who.p, who.n);
	eng_buf_byte(b, ' ');
	add_quoted(b, (const char *)there.p, there.n);
	eng_buf_byte(b, 0);
	b->failed = b->failed || there.failed || who.failed;
	eng_buf_free(&there);
	eng_buf_free(&who);
	return b->failed ? eng_err_nomem(err) : 0;
}
