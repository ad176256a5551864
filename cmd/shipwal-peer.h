/* shipwal-peer.h - the PEER of sync, pull and push. */
#ifndef CMD_SHIPWAL_PEER_H
#define CMD_SHIPWAL_PEER_H

#include "base/buf.h"
#include "engram.h"

enum peer_kind { PEER_LOCAL, PEER_COMMAND, PEER_HOST };

struct peer {
	enum peer_kind kind;
	const char *text;             /* as given */
	const char *home;             /* PEER_LOCAL, PEER_HOST; NULL = its own */
	const char *command;          /* PEER_COMMAND */
	struct engram_str user, host; /* PEER_HOST */
};

/* What it points at lies in `text`.  ENGRAM_EUSAGE. */
int peer_parse(struct peer *out, const char *text, struct engram_error *err);

struct peer_call {
	const char *rsh;     /* "ssh", as a shell reads it */
	const char *program; /* what is run there, likewise */
	const char *space;
	bool gives, takes, create; /* what the peer may do */
};
/* For PEER_HOST: the command line, with a NUL. */
int peer_command(struct eng_buf *b, const struct peer *p, const struct peer_call *c, struct engram_error *err);

#endif
