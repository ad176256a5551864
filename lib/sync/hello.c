/* hello.c - who is at the other end, and what may flow.
 *
 * Both ends speak at once and judge by the same rules, so that they come to the
 * same answer without asking.  Spaces are joined only where one of them is empty:
 * ids of memories depend on the space, so frames of two spaces would lie side by
 * side and never meet. */
#include "sync/sync_int.h"

/* -- what is here ------------------------------------------------------------- */

static int load_positions(struct eng_sync *s)
{
	const struct eng_position *v;
	struct eng_position *copy;
	size_t n;
	int r = eng_sync_stored(s, s->store.received(s->store.ctx, &v, &n, &s->err));

	if (r < 0)
		return r;
	if (n > ENG_SYNC_SERIES_MAX)
		return eng_err(&s->err, ENGRAM_ELIMIT, "series: wanted at most %u, found %zu", ENG_SYNC_SERIES_MAX, n);
	copy = eng_realloc(s->mine.v, (n + 1) * sizeof *copy);
	if (!copy)
		return eng_err_nomem(&s->err);
	if (n)
		memcpy(copy, v, n * sizeof *copy);
	s->mine = (struct positions){copy, n};
	return 0;
}

static int load_forks(struct eng_sync *s)
{
	const struct eng_sync_fork *v;
	struct eng_sync_fork *copy;
	size_t n;
	int r = eng_sync_stored(s, s->store.forks(s->store.ctx, &v, &n, &s->err));

	if (r < 0)
		return r;
	if (n > ENG_SYNC_FORKS_MAX)
		return eng_err(&s->err, ENGRAM_ELIMIT, "forks: wanted at most %u, found %zu", ENG_SYNC_FORKS_MAX, n);
	copy = eng_realloc(s->my_forks.v, (n + 1) * sizeof *copy);
	if (!copy)
		return eng_err_nomem(&s->err);
	if (n)
		memcpy(copy, v, n * sizeof *copy);
	s->my_forks = (struct forks){copy, n};
	return 0;
}

/* Forks first: asked for them, the store may cut series, and say so in frames. */
int eng_sync_load(struct eng_sync *s)
{
	int r = load_forks(s);

	return r == 0 ? load_positions(s) : r;
}

static void hash_mine(uint8_t out[16], const struct eng_sync *s)
{
	eng_vector_hash(out, s->mine.v, s->mine.n, s->my_forks.v, s->my_forks.n);
}

int eng_sync_say_hello(struct eng_sync *s)
{
	struct eng_hello h = {
		.version_min = ENG_SYNC_VERSION_MIN,
		.version_max = ENG_SYNC_VERSION_MAX,
		.empty = s->self.empty,
		.give = s->o.give,
		.take = s->o.take,
		.file = s->o.mode == ENG_SYNC_FILE_OUT,
		.space = s->self.space,
		.created_us = s->self.created_us,
		.state_version = s->self.state_version,
		.nseries = (uint32_t)s->mine.n,
		.nonce = s->o.mode == ENG_SYNC_BOTH ? s->o.nonce : 0,
	};
	size_t begin;

	hash_mine(h.vector, s);
	eng_buf_add(&s->out, ENG_SYNC_MAGIC, ENG_SYNC_MAGIC_SIZE);
	begin = eng_message_begin(&s->out);
	eng_hello_encode(&s->out, &h);
	eng_message_end(&s->out, begin, ENG_MSG_HELLO, 0);
	return eng_sync_said(s);
}

/* -- who is there ------------------------------------------------------------- */

static int check_version(struct eng_sync *s)
{
	const struct eng_hello *h = &s->peer;

	if (h->version_min <= ENG_SYNC_VERSION_MAX && h->version_max >= ENG_SYNC_VERSION_MIN)
		return 0;
	return eng_err(&s->err, ENGRAM_EVERSION, "sync: this program speaks versions %u to %u, the peer %u to %u",
	               ENG_SYNC_VERSION_MIN, ENG_SYNC_VERSION_MAX, h->version_min, h->version_max);
}

static int check_mode(struct eng_sync *s)
{
	static const char *const what[] = {"a peer to talk with", "a file of frames"};
	const bool file = s->o.mode == ENG_SYNC_FILE_IN;

	if (file == s->peer.file)
		return 0;
	return eng_err(&s->err, ENGRAM_EINPUT, "wanted %s, found %s", what[file], what[!file]);
}

/* A command that only gives back what it is given holds the same space, the same
 * frames, the same digest: it would be taken for a perfect peer. */
static int check_echo(struct eng_sync *s)
{
	if (s->o.nonce == 0 || s->peer.nonce != s->o.nonce)
		return 0;
	s->told = true; /* it would only be told back */
	return eng_err(&s->err, ENGRAM_EUNAVAILABLE, "peer: wanted another store, found what was said to it coming back");
}

/* Of two empty spaces the elder stays. */
static bool mine_gives_way(const struct eng_sync *s)
{
	const struct eng_hello *h = &s->peer;

	if (!s->self.empty || !h->empty)
		return s->self.empty;
	return s->self.created_us != h->created_us ? s->self.created_us > h->created_us :
	                                             eng_id_cmp(&s->self.space, &h->space) > 0;
}

static int two_spaces(struct eng_sync *s)
{
	char mine[ENGRAM_ID_TEXT + 1], theirs[ENGRAM_ID_TEXT + 1];

	engram_id_format(mine, &s->self.space);
	engram_id_format(theirs, &s->peer.space);
	eng_err(&s->err, ENGRAM_EINPUT, "two different spaces, both with memories: %s here, %s %s", mine, theirs,
	        s->peer.file ? "in the file" : "at the peer");
	eng_err_object(&s->err, theirs);
	eng_err_hint(&s->err, "to copy what one says into the other: engram-store --export there, "
	                      "engram-store --import=ndjson here");
	return s->err.code;
}

static int join_spaces(struct eng_sync *s)
{
	const struct eng_hello *h = &s->peer;
	bool give_way;
	int r;

	if (eng_id_cmp(&s->self.space, &h->space) == 0)
		return 0;
	if (!s->self.empty && !h->empty)
		return two_spaces(s);
	give_way = mine_gives_way(s);
	s->strangers = give_way ? !(s->o.take && h->give) : !(s->o.give && h->take);
	if (s->strangers || !give_way)
		return 0;
	r = eng_sync_stored(s, s->store.adopt(s->store.ctx, &h->space, h->created_us, &s->err));
	if (r == ENGRAM_EINPUT && s->store.self(s->store.ctx, &s->self, &s->err) == 0)
		return two_spaces(s); /* another peer was quicker */
	if (r < 0)
		return r;
	s->self.space = h->space;
	s->self.created_us = h->created_us;
	s->stats.adopted = true;
	return 0;
}

int eng_sync_hear_hello(struct eng_sync *s, const uint8_t *p)
{
	uint8_t mine[16];
	int r;

	eng_hello_decode(&s->peer, p);
	r = check_version(s);
	if (r == 0)
		r = check_mode(s);
	if (r == 0)
		r = check_echo(s);
	if (r == 0)
		r = join_spaces(s);
	if (r < 0)
		return r;
	s->give = !s->strangers && s->o.give && s->peer.take;
	s->take = !s->strangers && s->o.take && s->peer.give;
	hash_mine(mine, s);
	/* Where nothing may flow the vectors still tell what would. */
	if (s->o.mode == ENG_SYNC_FILE_IN || memcmp(mine, s->peer.vector, sizeof mine) == 0)
		return eng_sync_begin_runs(s);
	return eng_sync_begin_round(s);
}
