/* test_formats_session.c - the stream of one end of a small session, as the machine
 * says it over a model store, and what its bytes mean. */
#include <inttypes.h>

#include "base/le.h"
#include "base/num.h"
#include "sync/wire.h"
#include "../lib/talk.h"
#include "dump.h"

/* -- making ------------------------------------------------------------------ */

void session_make(struct image *image)
{
	struct modelstore *a = modelstore_new(1), *b = modelstore_new(2);
	struct eng_buf said = ENG_BUF_INIT;
	struct talk *t = malloc(sizeof *t);

	modelstore_clock(a, INT64_C(1795253400000000));
	modelstore_clock(b, INT64_C(1795253400000000));
	modelstore_remember(a, NULL, "Ada likes green tea");
	modelstore_flush(a);
	if (!t || talk_begin(t, a, b, NULL, NULL) != 0)
		abort();
	t->a.record = &said;
	if (!talk_run(t, NULL, 4096) || !talk_done(t) || said.n > sizeof image->p)
		abort();
	memcpy(image->p, said.p, said.n);
	image->n = said.n;
	talk_end(t);
	free(t);
	eng_buf_free(&said);
	modelstore_free(a);
	modelstore_free(b);
}

/* -- describing ---------------------------------------------------------------- */

static const uint8_t *here(const struct dump *d)
{
	return d->image->p + d->at;
}

static void head(struct dump *d, struct eng_message_head *h)
{
	const bool right = eng_message_head(h, here(d));
	const size_t body = d->at + ENG_MSG_HEAD, checked = eng_message_checked(h);
	const bool whole = body + checked <= d->image->n;

	dump_field(d, 1, "type %u, %s", h->type, eng_message_name(h->type));
	dump_field(d, 1, "flags %u", h->flags);
	dump_field(d, 2, "zero");
	dump_field(d, 4, "length %u", h->length);
	dump_field(d, 4, "body check, %s",
	           whole && eng_message_check(d->image->p + body, checked) == h->body_check ? "right" : "wrong");
	dump_field(d, 4, "head check, %s", right ? "right" : "wrong");
}

static void hello(struct dump *d)
{
	char time[ENG_TIME_TEXT];
	struct eng_hello h;

	eng_hello_decode(&h, here(d));
	eng_format_time(time, h.created_us);
	dump_field(d, 2, "versions from %u", h.version_min);
	dump_field(d, 2, "to %u", h.version_max);
	dump_field(d, 4, "flags:%s%s%s%s", h.empty ? " empty" : "", h.give ? " give" : "", h.take ? " take" : "",
	           h.file ? " file" : "");
	dump_field(d, 16, "space %s", dump_id(&h.space));
	dump_field(d, 8, "created %s", time);
	dump_field(d, 4, "state_version %u", h.state_version);
	dump_field(d, 4, "series %u", h.nseries);
	dump_field(d, 16, "hash of vector and forks");
	dump_field(d, 8, "nonce %016llx", (unsigned long long)h.nonce);
}

static void position(struct dump *d)
{
	const struct eng_position p = eng_wire_position_read(here(d));

	dump_field(d, 16, "series %s", dump_series(&p.series));
	dump_field(d, 8, "seq %" PRIu64, p.seq);
	dump_field(d, 4, "header_check %08x", p.header_check);
}

static void run(struct dump *d, size_t end)
{
	struct eng_series series;
	struct eng_header h;

	memcpy(series.b, here(d), sizeof series.b);
	dump_field(d, 16, "series %s", dump_series(&series));
	dump_field(d, 8, "first seq %" PRIu64, eng_get64(here(d)));
	dump_field(d, 4, "frames %u", eng_get32(here(d)));
	dump_field(d, 4, "zero");
	while (d->at + ENG_FRAME_HEADER < end) {
		dump_header(d, &h);
		if (d->at + h.payload_len > end)
			return;
		dump_payload(d, h.payload_len);
		dump_zeros(d, -(size_t)h.payload_len & 7);
	}
}

static void digest(struct dump *d)
{
	dump_field(d, 16, "hash of the applied vector");
	dump_field(d, 16, "digest of the state");
	dump_field(d, 8, "held %" PRIu64, eng_get64(here(d)));
}

static void body(struct dump *d, const struct eng_message_head *h)
{
	const size_t end = d->at + h->length;

	if (h->type == ENG_MSG_HELLO)
		hello(d);
	else if (h->type == ENG_MSG_VECTOR)
		position(d);
	else if (h->type == ENG_MSG_RUN)
		run(d, end);
	else if (h->type == ENG_MSG_DIGEST)
		digest(d);
	if (d->at < end)
		dump_field(d, end - d->at, "?");
}

void session_describe(struct dump *d)
{
	struct eng_message_head h;

	dump_field(d, ENG_SYNC_MAGIC_SIZE, "magic");
	while (d->at + ENG_MSG_HEAD <= d->image->n) {
		head(d, &h);
		if (d->at + h.length > d->image->n)
			return;
		body(d, &h);
	}
}
