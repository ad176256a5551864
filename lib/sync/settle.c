/* settle.c - vectors and forks: what each end holds, and where histories part.
 *
 * A round: both send their forks and their vector.  A fork that one end does not
 * know is learnt, which changes its vector, so that another round follows.  With
 * equal forks, an entry whose header_check is not ours at that seq means that two
 * stores wrote the series; the end that reaches further (it can look) asks for
 * checks between the last seq known to be equal and the first known to differ, 64
 * at a time: each answer leaves a 65th, a history of a million frames takes four.
 * When both ends have told what they found (SETTLED), both cut at the forks and a
 * new round follows, until nothing is found.
 *
 * Example: 80 frames here, 100 there, equal up to 57.  Their end sees our entry
 * (80, check), has another at 80, asks for 1, 2, 3 ... 64 of 80 in steps, learns
 * that 57 is equal and 58 is not, and says SETTLED (58, both checks). */
#include "sync/sync_int.h"

#include "frame/segment.h"

/* -- speaking ------------------------------------------------------------------- */

void eng_sync_say_forks(struct eng_sync *s)
{
	size_t begin = eng_message_begin(&s->out);

	for (size_t i = 0; i < s->my_forks.n; i++)
		eng_wire_fork(&s->out, &s->my_forks.v[i]);
	eng_message_end(&s->out, begin, ENG_MSG_FORKS, 0);
}

void eng_sync_say_vector(struct eng_sync *s)
{
	size_t begin = eng_message_begin(&s->out);

	for (size_t i = 0; i < s->mine.n; i++)
		eng_wire_position(&s->out, &s->mine.v[i]);
	eng_message_end(&s->out, begin, ENG_MSG_VECTOR, 0);
}

int eng_sync_begin_round(struct eng_sync *s)
{
	if (++s->round > ENG_SYNC_ROUNDS)
		return eng_err(&s->err, ENGRAM_EUNAVAILABLE,
		               "forks: found some in each of %u rounds; they are kept, a new session goes on from there",
		               ENG_SYNC_ROUNDS);
	s->phase = PHASE_SETTLE;
	s->forks_in = s->vector_in = s->settled_in = s->settled_out = false;
	s->search.at = s->search.nfound = s->search.ntold = 0;
	eng_sync_say_forks(s);
	eng_sync_say_vector(s);
	return eng_sync_said(s);
}

/* -- hearing -------------------------------------------------------------------- */

int eng_sync_hear_forks(struct eng_sync *s, const uint8_t *p, size_t n)
{
	struct eng_sync_fork *v = eng_realloc(s->their_forks.v, n / ENG_FORK_ENTRY * sizeof *v + 1);

	if (!v)
		return eng_err_nomem(&s->err);
	s->their_forks = (struct forks){v, n / ENG_FORK_ENTRY};
	for (size_t i = 0; i < s->their_forks.n; i++) {
		v[i] = eng_wire_fork_read(p + i * ENG_FORK_ENTRY);
		if (v[i].seq == 0 || (i > 0 && eng_wire_fork_cmp(&v[i - 1], &v[i]) >= 0))
			return eng_sync_bad(s, "forks: wanted them ascending by series and seq, entry %zu is not", i + 1);
	}
	s->forks_in = true;
	return s->o.mode == ENG_SYNC_FILE_IN ? eng_sync_learn_forks(s) : 0;
}

int eng_sync_hear_positions(struct eng_sync *s, struct positions *out, const uint8_t *p, size_t n)
{
	struct eng_position *v = eng_realloc(out->v, n / ENG_VECTOR_ENTRY * sizeof *v + 1);
	const bool wanted = out == &s->wanted; /* there, a series may come more than once */
	int c;

	if (!v)
		return eng_err_nomem(&s->err);
	*out = (struct positions){v, n / ENG_VECTOR_ENTRY};
	for (size_t i = 0; i < out->n; i++) {
		v[i] = eng_wire_position_read(p + i * ENG_VECTOR_ENTRY);
		if (v[i].seq == 0)
			return eng_sync_bad(s, "%s: wanted a seq from 1, entry %zu has 0",
			                    eng_message_name(s->in.head.type), i + 1);
		c = i > 0 ? eng_series_cmp(&v[i - 1].series, &v[i].series) : -1;
		if (c > 0 || (c == 0 && (!wanted || v[i - 1].seq >= v[i].seq)))
			return eng_sync_bad(s, "%s: wanted each series once and ascending, entry %zu is not",
			                    eng_message_name(s->in.head.type), i + 1);
	}
	return 0;
}

const struct eng_position *eng_sync_find(const struct positions *v, const struct eng_series *series)
{
	size_t low = 0, high = v->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = eng_series_cmp(&v->v[mid].series, series);
		if (c == 0)
			return &v->v[mid];
		low = c < 0 ? mid + 1 : low;
		high = c < 0 ? high : mid;
	}
	return NULL;
}

/* -- forks that one end knows ------------------------------------------------------ */

int eng_sync_forked(struct eng_sync *s, const struct eng_sync_fork *f, uint32_t mine, uint32_t theirs)
{
	int r = eng_sync_stored(s, s->store.forked(s->store.ctx, f, mine, theirs, &s->err));

	s->stats.forks += r == 0;
	return r;
}

/* Of a, those that b has not: told to the store where `learn`. */
static int each_unknown(struct eng_sync *s, bool *any, const struct forks *a, const struct forks *b, bool learn)
{
	int c, r = 0;

	*any = false;
	for (size_t i = 0, j = 0; r == 0 && i < a->n; i++) {
		for (c = 1; j < b->n && (c = eng_wire_fork_cmp(&b->v[j], &a->v[i])) < 0; j++)
			c = 1;
		if (c == 0)
			continue;
		*any = true;
		if (learn)
			r = eng_sync_forked(s, &a->v[i], 0, 0);
	}
	return r;
}

int eng_sync_learn_forks(struct eng_sync *s)
{
	bool any;
	int r = each_unknown(s, &any, &s->their_forks, &s->my_forks, true);

	return r == 0 && any ? eng_sync_load(s) : r;
}

/* -- forks that nobody knew --------------------------------------------------------- */

/* Whether it is for this end to ask about their entry: *mine is then our check at
 * its seq, and it differs. */
static int parted(struct eng_sync *s, bool *yes, uint32_t *mine, const struct eng_position *theirs)
{
	const struct eng_position *here = eng_sync_find(&s->mine, &theirs->series);
	int r = 0;

	*yes = false;
	if (!here || here->seq < theirs->seq)
		return 0;
	*mine = here->header_check;
	if (here->seq > theirs->seq)
		r = eng_sync_check_at(s, mine, &theirs->series, theirs->seq);
	else if (here->header_check < theirs->header_check)
		return 0; /* of two that see it, one asks */
	*yes = r == 0 && *mine != theirs->header_check && !ENG_PLANTED(107);
	return r;
}

static int keep_found(struct eng_sync *s)
{
	struct search *q = &s->search;
	struct found *f;

	if (!eng_grow(&q->found, &q->cap, q->nfound, sizeof *q->found))
		return eng_err_nomem(&s->err);
	f = &q->found[q->nfound++];
	f->fork = (struct eng_sync_fork){s->theirs.v[q->at].series, q->hi + ENG_PLANTED(108)};
	f->mine = q->mine;
	f->theirs = q->theirs;
	return 0;
}

static int ask(struct eng_sync *s)
{
	struct search *q = &s->search;
	const uint64_t between = q->hi - q->lo - 1;
	size_t begin = eng_message_begin(&s->out);

	q->n = between < ENG_ASK_MAX ? (size_t)between : ENG_ASK_MAX;
	eng_buf_add(&s->out, s->theirs.v[q->at].series.b, 16);
	for (size_t i = 0; i < q->n; i++) {
		q->seqs[i] = q->lo + (uint64_t)((eng_u128)(q->hi - q->lo) * (i + 1) / (q->n + 1));
		eng_buf_u64(&s->out, q->seqs[i]);
	}
	eng_message_end(&s->out, begin, ENG_MSG_ASK, 0);
	q->asking = true;
	return eng_sync_said(s);
}

static int tell_found(struct eng_sync *s)
{
	const struct search *q = &s->search;
	size_t begin = eng_message_begin(&s->out);

	for (size_t i = 0; i < q->nfound; i++) {
		eng_wire_fork(&s->out, &q->found[i].fork);
		eng_buf_u32(&s->out, q->found[i].mine);
		eng_buf_u32(&s->out, q->found[i].theirs);
	}
	eng_message_end(&s->out, begin, ENG_MSG_SETTLED, 0);
	s->settled_out = true;
	return eng_sync_said(s);
}

static int cut_all(struct eng_sync *s)
{
	const struct search *q = &s->search;
	int r = 0;

	for (size_t i = 0; r == 0 && s->o.take && i < q->nfound; i++)
		r = eng_sync_forked(s, &q->found[i].fork, q->found[i].mine, q->found[i].theirs);
	for (size_t i = 0; r == 0 && s->o.take && i < q->ntold; i++)
		r = eng_sync_forked(s, &q->told[i].fork, q->told[i].mine, q->told[i].theirs);
	return r == 0 ? eng_sync_load(s) : r;
}

static int both_settled(struct eng_sync *s)
{
	int r;

	if (!s->settled_in || !s->settled_out)
		return 0;
	if (s->search.nfound + s->search.ntold == 0)
		return eng_sync_begin_runs(s);
	r = cut_all(s);
	return r == 0 ? eng_sync_begin_round(s) : r;
}

/* Goes on with the search: asks, or says what was found. */
static int search(struct eng_sync *s)
{
	struct search *q = &s->search;
	bool yes;
	int r = 0;

	for (; r == 0 && q->at < s->theirs.n && q->nfound < ENG_SYNC_FOUND_MAX; q->at++) {
		const struct eng_position *theirs = &s->theirs.v[q->at];
		r = parted(s, &yes, &q->mine, theirs);
		if (r < 0 || !yes)
			continue;
		q->lo = 0;
		q->hi = theirs->seq;
		q->theirs = theirs->header_check;
		if (q->hi > 1)
			return ask(s);
		r = keep_found(s);
	}
	if (r == 0)
		r = tell_found(s);
	return r == 0 ? both_settled(s) : r;
}

int eng_sync_hear_vector(struct eng_sync *s, const uint8_t *p, size_t n)
{
	bool learnt, taught;
	int r = eng_sync_hear_positions(s, &s->theirs, p, n);

	if (r < 0)
		return r;
	s->vector_in = true;
	if (s->o.mode == ENG_SYNC_FILE_IN)
		return 0;
	r = each_unknown(s, &taught, &s->my_forks, &s->their_forks, false);
	if (r == 0)
		r = each_unknown(s, &learnt, &s->their_forks, &s->my_forks, s->o.take);
	if (r == 0 && learnt && s->o.take)
		r = eng_sync_load(s);
	if (r < 0)
		return r;
	/* Who takes nothing keeps its forks as they are; then both go on without. */
	if ((learnt && s->o.take) || (taught && s->peer.take))
		return eng_sync_begin_round(s);
	return search(s);
}

int eng_sync_hear_ask(struct eng_sync *s, const uint8_t *p, size_t n)
{
	const struct eng_position *here;
	struct eng_series series;
	uint64_t seq, last = 0;
	size_t begin;
	uint32_t check;
	int r = 0;

	memcpy(series.b, p, sizeof series.b);
	here = eng_sync_find(&s->mine, &series);
	begin = eng_message_begin(&s->out);
	for (size_t at = 16; r == 0 && at < n; at += 8, last = seq) {
		seq = eng_get64(p + at);
		if (!here || seq <= last || seq > here->seq)
			return eng_sync_bad(s, "ask: wanted ascending seqs up to %llu, found %llu",
			                    here ? (unsigned long long)here->seq : 0ull, (unsigned long long)seq);
		r = eng_sync_check_at(s, &check, &series, seq);
		eng_buf_u32(&s->out, check);
	}
	eng_message_end(&s->out, begin, ENG_MSG_TELL, 0);
	return r == 0 ? eng_sync_said(s) : r;
}

int eng_sync_hear_tell(struct eng_sync *s, const uint8_t *p, size_t n)
{
	struct search *q = &s->search;
	uint32_t mine, theirs;
	int r;

	q->asking = false;
	if (n != 4 * q->n)
		return eng_sync_bad(s, "tell: wanted %zu checks, found %zu", q->n, n / 4);
	for (size_t i = 0; i < q->n; i++) {
		theirs = eng_get32(p + 4 * i);
		r = eng_sync_check_at(s, &mine, &s->theirs.v[q->at].series, q->seqs[i]);
		if (r < 0)
			return r;
		if (mine == theirs) {
			q->lo = q->seqs[i];
			continue;
		}
		q->hi = q->seqs[i];
		q->mine = mine;
		q->theirs = theirs;
		break;
	}
	if (q->hi - q->lo > 1)
		return ask(s);
	r = keep_found(s);
	q->at++;
	return r == 0 ? search(s) : r;
}

int eng_sync_hear_settled(struct eng_sync *s, const uint8_t *p, size_t n)
{
	struct search *q = &s->search;
	struct found *v = eng_realloc(q->told, n / ENG_FOUND_ENTRY * sizeof *v + 1);
	const struct eng_position *here;
	uint32_t mine;
	int r;

	if (!v)
		return eng_err_nomem(&s->err);
	q->told = v;
	q->ntold = n / ENG_FOUND_ENTRY;
	for (size_t i = 0; i < q->ntold; i++, p += ENG_FOUND_ENTRY) {
		v[i].fork = eng_wire_fork_read(p);
		v[i].theirs = eng_get32(p + 24);
		v[i].mine = eng_get32(p + 28);
		here = eng_sync_find(&s->mine, &v[i].fork.series);
		if (!here || v[i].fork.seq == 0 || v[i].fork.seq > here->seq)
			return eng_sync_bad(s, "settled: a fork of what is not here, entry %zu", i + 1);
		r = eng_sync_check_at(s, &mine, &v[i].fork.series, v[i].fork.seq);
		if (r < 0)
			return r;
		if (mine != v[i].mine || mine == v[i].theirs)
			return eng_sync_bad(s, "settled: wanted another check than %08x, found %08x and %08x, entry %zu",
			                    mine, v[i].mine, v[i].theirs, i + 1);
	}
	s->settled_in = true;
	return both_settled(s);
}

/* -- the end of a file ------------------------------------------------------------- */

int eng_sync_file_end(struct eng_sync *s)
{
	char name[ENG_SERIES_NAME + 1];
	int r = eng_sync_load(s);

	for (size_t i = 0; r == 0 && i < s->theirs.n; i++) {
		const struct eng_position *theirs = &s->theirs.v[i], *here = eng_sync_find(&s->mine, &theirs->series);
		const uint64_t seq = here ? here->seq : 0;
		bool cut = false;

		for (size_t k = 0; k < s->my_forks.n; k++)
			cut |= s->my_forks.v[k].seq <= theirs->seq &&
			       eng_series_cmp(&s->my_forks.v[k].series, &theirs->series) == 0;
		eng_series_name(name, &theirs->series);
		if (seq < theirs->seq && !cut)
			return eng_err(&s->err, ENGRAM_EINPUT,
			               "series %s: wanted frames up to %llu, found %llu here; the file is for a reader that "
			               "has more", name, (unsigned long long)theirs->seq, (unsigned long long)seq);
	}
	if (r == 0)
		s->state = ENG_SYNC_DONE;
	return r;
}
