/* store-batch.c - memories on their way in: appended one by one, made durable by one
 * flush, and only then acknowledged on standard output.
 *
 * A batch ends when its source would have to be waited for, or when it is
 * large: the flush is then a small part of the work, and memory stays flat. */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/json.h"
#include "common/record.h"
#include "store-jobs.h"

/* A flush costs some milliseconds, a short memory some microseconds: at 4,096
 * the flush is lost in the work, and the answer still comes many times a second. */
#define BATCH_MEMORIES_MAX 4096
#define BATCH_BYTES_MAX (4u << 20)
/* A file of the wrong kind is refused line by line: after so many lines only
 * the count tells something (--verbose shows all). */
#define REFUSALS_SHOWN_MAX 100

struct batch_item {
	struct engram_id id;
	enum engram_put_result put; /* 0 = it was not put */
	uint32_t similarity; /* of a known one that is not equal; 0 = no matter */
};

/* Reports what ends the batch. */
static bool fail(struct batch *b, const struct engram_error *err)
{
	b->failed = true;
	return cli_fail(&b->store->cli, err);
}

bool batch_begin(struct batch *b, unsigned flags)
{
	struct engram_error err = {0};

	b->items = eng_calloc(BATCH_MEMORIES_MAX, sizeof *b->items);
	if (!b->items)
		eng_err_nomem(&err);
	b->flags = flags;
	if (!err.code && !embedding_begin(&b->embedding, &b->store->cli)) {
		b->failed = true;
		return false;
	}
	if (b->items && engram_writer_open(&b->writer, b->store->cli.space, flags, &err) == 0)
		return true;
	return fail(b, &err);
}

void batch_refuse(struct batch *b, struct batch_place place, struct engram_error *err)
{
	struct cli *cli = &b->store->cli;

	b->rejected++;
	if (place.name)
		eng_err_prefix(err, "%.200s%c%llu", place.name, place.between, (unsigned long long)place.number);
	if (b->refusals_shown < REFUSALS_SHOWN_MAX || cli->verbose) {
		b->refusals_shown++;
		cli_report(cli, err, engram_code_exit(err->code));
	}
	if (b->store->strict && !b->judging)
		b->failed = true;
}

static void acknowledge(struct out *out, const struct batch_item *item, bool json)
{
	char id[ENGRAM_ID_TEXT + 1];
	struct eng_json_out o;

	if (json) {
		record_begin(&o, &out->buf, item->put == ENGRAM_KNOWN ? "known" : "stored");
		eng_json_key(&o, "id");
		eng_json_id(&o, &item->id);
		if (item->similarity)
			eng_json_key(&o, "similarity"), eng_json_unit4(&o, item->similarity);
		eng_json_object_end(&o);
	} else {
		engram_id_format(id, &item->id);
		eng_buf_str(&out->buf, id);
	}
	out_end(out);
}

/* Makes durable, then acknowledges; 0 or what the flush answered. */
static int commit(struct batch *b, struct engram_error *err)
{
	struct cli *cli = &b->store->cli;
	int r = b->n > 0 ? engram_commit(b->writer, err) : 0;

	for (size_t i = 0; r == 0 && i < b->n; i++) {
		b->stored += b->items[i].put == ENGRAM_STORED_NEW;
		b->known += b->items[i].put == ENGRAM_KNOWN;
		if (b->prints && b->items[i].put)
			acknowledge(&cli->out, &b->items[i], cli->json);
	}
	if (b->n > 0 && !out_flush(&cli->out))
		b->failed = true; /* nobody hears the answers: cli_end() says so */
	b->n = b->bytes = 0;
	return r;
}

static int put_embedded(void *data, struct batch_place place, const struct engram_memory *m, size_t item,
                        struct engram_error *err)
{
	struct batch *b = data;
	int r = engram_put(b->writer, &b->items[item].id, &b->items[item].put, m, err);

	if (r == ENGRAM_EINPUT) {
		batch_refuse(b, place, err);
		r = 0;
	}
	return r;
}

/* False: failed; what was put before is made durable, if it can. */
static bool flush_embedding(struct batch *b)
{
	struct engram_error err = {0};

	if (embedding_flush(b->embedding, put_embedded, b, &err) == 0)
		return true;
	commit(b, NULL);
	return fail(b, &err);
}

bool batch_commit(struct batch *b)
{
	struct engram_error err = {0};

	if (!b->failed && !flush_embedding(b))
		return false;
	if (commit(b, &err) < 0)
		return fail(b, &err);
	return !b->failed;
}

/* What became of the next item; put 0: it waits. */
static bool took(struct batch *b, struct batch_place place, int r, size_t bytes, struct engram_error *err)
{
	if (r == ENGRAM_EINPUT) {
		batch_refuse(b, place, err);
		return false;
	}
	if (r < 0) {
		commit(b, NULL); /* what went in before stays in, if it can */
		return fail(b, err);
	}
	b->items[b->n].similarity = 0;
	b->last = b->items[b->n].put ? b->items[b->n].put : ENGRAM_STORED_NEW;
	b->n++;
	b->bytes += bytes;
	if (b->n == BATCH_MEMORIES_MAX || b->bytes >= BATCH_BYTES_MAX)
		return batch_commit(b);
	return !b->embedding || !embedding_full(b->embedding) || flush_embedding(b);
}

bool batch_known(struct batch *b, const struct engram_id *id, uint32_t similarity)
{
	b->items[b->n++] = (struct batch_item){*id, ENGRAM_KNOWN, similarity};
	return batch_commit(b);
}

enum { PUT_BEHIND_WAITING = 0, WAITS = 1, PUT_AT_ONCE = 2 };

/* What is known is not embedded again, and may overtake what waits. */
static int defer(struct batch *b, struct batch_place place, const struct engram_memory *m, struct engram_error *err)
{
	bool known = false;
	int r;

	if (!embedding_wants(b->embedding, m))
		return PUT_BEHIND_WAITING;
	r = engram_check(m, err);
	if (r == 0 && b->flags & ENGRAM_BULK)
		r = engram_known(b->writer, &known, m, err);
	if (r < 0 || known)
		return r < 0 ? r : PUT_AT_ONCE;
	b->items[b->n].put = 0;
	return embedding_add(b->embedding, place, m, b->n) ? WAITS : eng_err_nomem(err);
}

bool batch_put(struct batch *b, struct batch_place place, const struct engram_memory *m)
{
	struct batch_item *item = &b->items[b->n];
	struct engram_error err = {0};
	int r;

	if (b->failed)
		return false;
	r = defer(b, place, m, &err);
	if (r == PUT_BEHIND_WAITING && !flush_embedding(b))
		return false;
	if (r == PUT_BEHIND_WAITING || r == PUT_AT_ONCE)
		r = engram_put(b->writer, &item->id, &item->put, m, &err);
	return took(b, place, r < 0 ? r : 0,
	            m->text.n + m->dim * sizeof *m->vector + m->meta.n + m->nlinks * sizeof *m->links, &err);
}

bool batch_link(struct batch *b, struct batch_place place, const struct engram_id *from, const struct engram_link *l)
{
	struct batch_item *item = &b->items[b->n];
	struct engram_error err = {0};

	if (b->failed || !flush_embedding(b))
		return false;
	item->id = *from;
	return took(b, place, engram_link(b->writer, &item->put, from, l, 1, &err), sizeof *l, &err);
}

void batch_end(struct batch *b)
{
	struct cli *cli = &b->store->cli;

	batch_commit(b);
	engram_writer_close(b->writer);
	embedding_end(b->embedding);
	eng_free(b->items);
	if (b->stored > 0)
		cli->done = b->stored == 1 ? "it is stored all the same, its id was not printed"
		                           : "what came before is stored all the same, not all ids were printed";
	if (b->rejected > b->refusals_shown)
		cli_warn(cli, "%s more refused (--verbose shows all)",
		         cli_number(b->rejected - b->refusals_shown));
	if (cli->status == EXIT_DONE && b->rejected > 0)
		cli->status = b->stored + b->known > 0 && !b->store->strict ? EXIT_PARTLY
		                                                           : engram_code_exit(ENGRAM_EINPUT);
}
