/* engram-shipwal - moves frames between the stores of a space, and looks at them. */
#include "base/types.h"
#include "shipwal-jobs.h"

#define AT(field) .at = offsetof(struct shipwal, field)
#define WITH(verb) (1u << SHIPWAL_##verb)
#define WITH_PEER (WITH(SYNC) | WITH(PULL) | WITH(PUSH))

static const struct opt_verb verbs[] = {
	[SHIPWAL_SYNC - 1] = {"sync"},
	[SHIPWAL_PULL - 1] = {"pull"},
	[SHIPWAL_PUSH - 1] = {"push", "PEER", "exchange, take or give what one side lacks"},
	[SHIPWAL_SEND - 1] = {"send"},
	[SHIPWAL_RECEIVE - 1] = {"receive", NULL, "write frames to stdout; take them from stdin"},
	[SHIPWAL_SERVE - 1] = {"serve", NULL, "be the peer of whoever is at stdin and stdout"},
	[SHIPWAL_POSITION - 1] = {"position"},
	[SHIPWAL_VERIFY - 1] = {"verify"},
	[SHIPWAL_CAT - 1] = {"cat", NULL, "how far it is; is the log sound; its frames"},
	[SHIPWAL_RETIRE - 1] = {"retire", "SERIES", "nobody will write it again: its store is gone"},
};

static const struct opt options[] = {
	{"create", .kind = OPT_FLAG, .help = "make a space that is missing, also at the peer", AT(create),
	 .modes = WITH_PEER | WITH(RECEIVE) | WITH(SERVE)},
	{"peer-space", .once = true, .kind = OPT_TEXT, .arg = "NAME", .help = "its name there (the same)",
	 AT(peer_space), .modes = WITH_PEER},
	{"rsh", 'e', .once = true, .kind = OPT_TEXT, .arg = "COMMAND", .help = "how to reach a host (ENGRAM_RSH; ssh)",
	 AT(rsh), .modes = WITH_PEER, .setting = "sync.rsh"},
	{"peer-program", .once = true, .kind = OPT_TEXT, .arg = "COMMAND", .help = "what is run there (engram-shipwal)",
	 AT(peer_program), .modes = WITH_PEER, .more = true},
	{"timeout", .once = true, .kind = OPT_DURATION, .arg = "SECONDS",
	 .help = "the longest silence (600), 0 = any", AT(timeout_ms), .max = TIMEOUT_MAX_MS, .more = true,
	 .modes = WITH_PEER | WITH(SERVE) | WITH(SEND) | WITH(RECEIVE)},
	{"no-give", .kind = OPT_FLAG, .help = NULL, AT(no_give), .modes = WITH(SERVE)},
	{"no-take", .kind = OPT_FLAG, .help = "serve: the peer gets nothing; brings nothing", AT(no_take),
	 .modes = WITH(SERVE)},
	{"after", .once = true, .kind = OPT_TEXT, .arg = "POSITION", .help = "send, cat: only what is behind it",
	 AT(after), .modes = WITH(SEND) | WITH(CAT)},
	{"series", .once = true, .kind = OPT_TEXT, .arg = "SERIES", .help = "cat: only of this one; digits may be left out",
	 AT(series), .modes = WITH(CAT), .more = true},
};

static const struct program program = {
	.name = "engram-shipwal",
	.purpose = "Brings together what two stores of a space wrote; after a cut it goes on there.\n"
	           "PEER: local:DIR, cmd:COMMAND or [user@]host[:DIR], DIR a home.",
	.usages = (const char *const[]){"sync|pull|push PEER [OPTION]...",
	                                "send|receive|serve|position|verify|cat|retire [OPTION]...", NULL},
	.examples = (const char *const[]){"engram-shipwal sync ada@example.org",
	                                  "engram-shipwal send | gzip >backup.gz", NULL},
	.exits = "0 done, 2 usage, 65 bad frames, 66 no space, 69 no peer, 75 busy",
	.others = "engram-store, engram-recall, engram-consolidate",
};

static void run(struct shipwal *s)
{
	static void (*const jobs[])(struct shipwal *) = {
		[SHIPWAL_SYNC] = shipwal_peer,       [SHIPWAL_PULL] = shipwal_peer,   [SHIPWAL_PUSH] = shipwal_peer,
		[SHIPWAL_SEND] = shipwal_send,       [SHIPWAL_RECEIVE] = shipwal_receive,
		[SHIPWAL_SERVE] = shipwal_serve,     [SHIPWAL_POSITION] = shipwal_position,
		[SHIPWAL_VERIFY] = shipwal_verify,   [SHIPWAL_CAT] = shipwal_cat,         [SHIPWAL_RETIRE] = shipwal_retire,
	};
	struct cli *cli = &s->cli;
	const char *verb = verbs[s->verb - 1].name;
	bool peer = s->verb <= SHIPWAL_PUSH;
	size_t wanted = peer || s->verb == SHIPWAL_RETIRE;

	if (cli->noperands < wanted)
		cli_usage(cli, "%s: needs %s", verb,
		          peer ? "a PEER: local:DIR, cmd:COMMAND or [user@]host[:DIR]" : "a SERIES");
	else if (cli->noperands > wanted)
		cli_usage(cli, "%s: takes %s, found \"%s\"", verb,
		          peer ? "one PEER" : wanted ? "one SERIES" : "no operands", cli->operands[wanted]);
	else
		jobs[s->verb](s);
}

int main(int argc, char **argv)
{
	struct shipwal s = {.timeout_ms = TIMEOUT_MS};
	struct opt_table own = {.options = options, .n = ENG_COUNT(options), .target = &s,
	                        .verbs = verbs, .nverbs = ENG_COUNT(verbs), .verb = &s.verb};

	if (cli_begin(&s.cli, &program, &own, argc, argv))
		run(&s);
	return cli_end(&s.cli);
}
