/* store-jobs.h - engram-store in parts: one file per job, all over this struct. */
#ifndef CMD_STORE_JOBS_H
#define CMD_STORE_JOBS_H

#include "common/cli.h"
#include "common/embed.h"

enum store_mode {
	STORE_PUT, /* no mode option: operands are texts */
	STORE_GET,
	STORE_FORGET,
	STORE_REVISE,
	STORE_IMPORT,
	STORE_EXPORT,
	STORE_LIST,
	STORE_DROP,
	STORE_LINK,
	STORE_CONFLICTS,
};

struct store {
	struct cli cli;
	int mode; /* enum store_mode */
	bool create, new_series;
	bool now;                      /* forget */
	bool salvage;                  /* export */
	bool preserve, adopt, strict;  /* import */
	bool text_later, index_later; /* import */
	int format;                    /* import: place in store_formats */
	const char *separator, *query, *vectors, *embedder;
	/* fields of a memory; NULL, UINT32_MAX, INT64_MIN = not given */
	const char *key, *source, *actor, *meta;
	const char *relation; /* link */
	uint32_t weight;
	uint32_t confidence;
	uint32_t if_new; /* store only what is less like anything stored */
	int64_t occurred_us, valid_until_us;
	struct opt_list tags, untags;
	int kind; /* revise: 0 episode, 1 concept, -1 not given */
	unsigned clear; /* bit per word of store_clear_words */
	uint64_t conflicts; /* found so far */
};

extern const char *const store_clear_words[];
extern const char *const store_formats[];

/* Each does its job and leaves the outcome in cli.status. */
void store_put(struct store *s);
void store_import(struct store *s);
void store_export(struct store *s);
void store_get(struct store *s);
void store_forget(struct store *s);
void store_revise(struct store *s);
void store_list(struct store *s);
void store_drop(struct store *s);
void store_link(struct store *s);
void store_conflicts(struct store *s);

/* Takes into the index what is stored, where so much is not in it that recall feels
 * it; says so where that is left, and leaves the exit status. */
void store_fold(struct store *s);

/* Prints each of the memories that the operands name; < 0: standard output is lost. */
typedef int store_print_fn(struct store *s, const struct engram_memory *m);
void store_show(struct store *s, const char *mode, store_print_fn *print);

/* The stored memory that is most like the text, if it is as like as --if-new says:
 * 1, 0 there is none, -1 reported. */
int store_find_known(struct store *s, struct engram_id *id, uint32_t *similarity, struct engram_str text);

/* The fields given as options; what it points at lives as long as `s`. */
void store_fields(const struct store *s, struct engram_memory *m);
/* For writing: made if it may be (--create, or the space default). */
bool store_open_writable(struct store *s);
/* Where nothing is to be changed: 1 there and open for reading, 0 a write
 * would make it, -1 reported. */
int store_open_dry(struct store *s);

/* -- batches (store-batch.c): appended one by one, acknowledged together ---------- */

/* Where what is stored stood: "in:12", "operand 3"; name NULL = nothing to say. */
struct batch_place {
	const char *name;
	char between;
	uint64_t number;
};

struct batch {
	struct store *store;
	struct engram_writer *writer;
	struct embedding *embedding; /* NULL = no embedder */
	unsigned flags;
	struct batch_item *items; /* appended (or waiting for a vector), not yet durable */
	size_t n;
	size_t bytes;
	bool prints;  /* ids, once durable */
	bool judging; /* nothing is stored: what is not acceptable stops nothing */
	bool failed;  /* stop: reported */
	enum engram_put_result last; /* of the last batch_put that was true */
	uint64_t total, stored, known, rejected;
	uint64_t refusals_shown;
};

/* -- memories that wait for their vectors (store-embed.c) -------------------------- */

struct embedding;
/* *w NULL where no embedder is set.  False: reported. */
bool embedding_begin(struct embedding **w, struct cli *cli);
void embedding_end(struct embedding *w); /* NULL allowed; what waits is dropped */
/* Whether a vector is to be made for it; w NULL: no. */
bool embedding_wants(const struct embedding *w, const struct engram_memory *m);
/* Keeps a copy; item: what the put is to be told.  False: out of memory. */
bool embedding_add(struct embedding *w, struct batch_place place, const struct engram_memory *m, size_t item);
bool embedding_full(const struct embedding *w);
typedef int embedding_put_fn(void *data, struct batch_place place, const struct engram_memory *m, size_t item,
                             struct engram_error *err);
/* Makes the vectors and puts what waits, in order; on failure of the embedder
 * nothing is put.  Afterwards nothing waits. */
int embedding_flush(struct embedding *w, embedding_put_fn *put, void *data, struct engram_error *err);

/* Begins with `store` and `prints` set; flags: enum engram_write_flags. */
bool batch_begin(struct batch *b, unsigned flags);
/* False: `failed`, or what was given is not acceptable (reported with the
 * place, counted). */
bool batch_put(struct batch *b, struct batch_place place, const struct engram_memory *m);
/* Acknowledges what is there instead of storing. */
bool batch_known(struct batch *b, const struct engram_id *id, uint32_t similarity);
/* The same for one link. */
bool batch_link(struct batch *b, struct batch_place place, const struct engram_id *from, const struct engram_link *l);
/* Counts and reports what cannot be stored. */
void batch_refuse(struct batch *b, struct batch_place place, struct engram_error *err);
/* Makes durable, then prints. */
bool batch_commit(struct batch *b);
/* Commits, closes; sets the exit status from the counts. */
void batch_end(struct batch *b);

#endif
