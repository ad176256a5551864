/* space_int.h - what the files of space/ share.
 *
 * From the bottom up:
 *   gen.c       CURRENT and the derived files it names (a *generation*)
 *   schema.c    how the tables of the state are encoded
 *   raw.c       frames read from the log, indexed by the ids they are about
 *   view.c      state + raw frames of one moment: any item by id
 *   doc.c       what the tables hold of one item, computed from its reading
 *   snapshot.c  overlay.c  as_of.c  the view as numbered documents, for recall
 *   apply.c     apply_item.c rows.c text_sync.c: raw frames into the tables
 */
#ifndef ENG_SPACE_SPACE_INT_H
#define ENG_SPACE_SPACE_INT_H

#include "base/le.h"
#include "merge/digest.h"
#include "fold/fold.h"
#include "merge/edge.h"
#include "space/space.h"
#include "store/store.h"

/* Frames and bytes that may wait before a writer takes them into the state:
 * vectors and words of 1,000 raw texts cost a recall 2 to 5 ms, of 128 a
 * tenth of it, and applying 128 costs 3 ms at a million ids. */
#define ENG_APPLY_FRAMES 128u
#define ENG_APPLY_BYTES (32u << 10)
/* A writer that passes by takes no more, or as many as it had to find waiting: with no
 * bound one of fifty writers waited half a second for its next put. */
#define ENG_APPLY_PASSING 1024u
/* Above these a writer waits for the lock: readers could not keep up. */
#define ENG_APPLY_MUST (64u << 10)
/* A bulk writer applies at this pace, looking how far it is every so many frames.  The
 * bytes, of which it keeps a third at most, hold 10,000 vectors of 768 with their texts;
 * with 20 MiB more, which may come before it looks, a reader still takes them all. */
#define ENG_APPLY_BULK 10000u
/* And faster where the log has so many frames: each id then lies on a page of its own,
 * which is in memory until the commit.  588,000 texts: 75 MiB, or 63 so. */
#define ENG_APPLY_LARGE 200000u
#define ENG_APPLY_BULK_LARGE 5000u
#define ENG_APPLY_BULK_LOOK (ENG_APPLY_BULK / 16)
#define ENG_APPLY_BULK_BYTES (36u << 20)
/* One transaction takes at most so much: bounds memory; rebuilding a million
 * in batches of 20,000 takes 40 % of the time that batches of 1,000 take. */
#define ENG_BATCH_FRAMES 20000u
#define ENG_BATCH_BYTES (16u << 20)
/* What a reader without usable state scans at most, and what it scores
 * directly where the text view lacks documents. */
#define ENG_SCAN_MAX (64u << 20)

#define ENG_STATE_VERSION 5u

/* -- the handle ----------------------------------------------------------- */

/* One more byte of NAME/lock (log/locks.h has the others).  Shared: a writer,
 * as long as there is no frame yet; exclusive: adopt and drop. */
#define ENG_LOCK_IDENTITY 3u

struct eng_gen;

struct engram_space {
	uint32_t magic;
	uint32_t pid; /* who opened it: refuses use after fork */
	const struct eng_sys *sys;
	char *dir;
	char name[ENGRAM_SPACE_NAME_MAX + 1];
	struct engram_id id;
	int64_t created_us;
	unsigned flags; /* enum engram_open_flags */
	unsigned wait_ms;
	engram_notice_fn *notice; /* may be NULL */
	void *notice_data;
	bool frozen;  /* on a read-only mount or in a directory nobody may write */
	int lock_fd;  /* writers only, else -1 */
	unsigned writers; /* open ones */
	bool text_later;  /* the writer that applies leaves the text view as it is */
	struct eng_written *written; /* what the writer that applies has at hand, or NULL */
	uint64_t applied; /* frames that the state had when last looked at: a hint for writers */
	struct eng_log *log;
	struct eng_gen *gen; /* the generation in use, NULL = no usable state */
	struct engram_error gen_problem; /* why there is none; code 0 = none was made yet */
};

/* For eng_space_open, by drop: what is damaged or of another version is opened
 * as far as possible; the log may be NULL then. */
#define ENG_OPEN_DAMAGED (1u << 31)

/* eng_space_check_handle, and ENGRAM_EUSAGE where it was not opened for writing. */
int eng_space_check_writer(const struct engram_space *s, struct engram_error *err);

/* A line for whoever opened the space, if they want any. */
ENG_PRINTF(2, 3) void eng_space_say(const struct engram_space *s, const char *format, ...);
/* Takes one byte of NAME/lock; ENGRAM_EBUSY names the holder's pid. */
int eng_space_lock(struct engram_space *s, unsigned which, enum eng_lock_kind kind, unsigned wait_ms,
                   struct engram_error *err);
void eng_space_unlock(struct engram_space *s, unsigned which);

/* eng_log_refresh of the space's log, which a handle that was opened before the first
 * frame finds under another id: it takes that id then. */
int eng_space_series(struct engram_space *s, const struct eng_series_info **infos, size_t *n,
                     struct engram_error *err);
/* Opens the log anew, under s->id. */
int eng_space_reopen_log(struct engram_space *s, struct engram_error *err);

/* Runs a maintenance job under the maintenance and the apply lock. */
int eng_space_maintain(struct engram_space *s, const struct eng_job *job,
                       int (*fn)(struct engram_space *s, const struct eng_job *job, struct engram_error *err),
                       struct engram_error *err);

/* -- the `space` file (identity.c) ---------------------------------------- */

struct eng_identity {
	struct engram_id id;
	int64_t created_us;
	bool read_only; /* a feature that this program does not know forbids writing */
};
void eng_identity_format(struct eng_buf *b, const struct engram_id *id, int64_t created_us);
/* ENGRAM_EDAMAGED names line and wanted; ENGRAM_EVERSION for a newer format or an unknown feature. */
int eng_identity_parse(struct eng_identity *out, const char *p, size_t n, struct engram_error *err);
/* Reads DIR/space; -ENOFILE, and ENGRAM_EDAMAGED if it is not a regular file (a FIFO would hang). */
int eng_identity_load(struct eng_identity *out, const struct eng_sys *sys, const char *dir, struct engram_error *err);

/* A regular file whole, or -errno (-EINVAL: something else than a file). */
int eng_load_regular(const struct eng_sys *sys, const char *path, struct eng_buf *b, size_t max);

/* -- tables (schema.c) ---------------------------------------------------- */

enum eng_state_table {
	ENG_T_META,    /* "meta" -> struct eng_meta */
	ENG_T_HEADS,   /* series -> struct eng_head */
	ENG_T_ITEMS,   /* id -> check, document, encoded item */
	ENG_T_BRIEF,   /* document / 1,024 -> 1,024 records of 64 bytes */
	ENG_T_ROWS,    /* first document -> 64 or 1,024 vectors (rows.c) */
	ENG_T_ORDER,   /* stored, id inverted -> document */
	ENG_T_TAGS,    /* tag, document -> nothing */
	ENG_T_DF,      /* stem hash -> documents that have it */
	ENG_T_DIGEST,  /* bucket / 64 -> 64 sums */
	ENG_T_CHANGES, /* number -> document and the text it had */
	ENG_T_EDGES,   /* from, to, class, relation -> check, encoded edge */
	ENG_T_EDGES_TO, /* to, from, class, relation -> nothing */
	ENG_T_SKIPPED, /* dot, header_check -> kind and version this program does not know; place */
	ENG_T_SERIES,  /* what was said of a series, by which frame -> nothing */
	ENG_T_EMBEDDERS, /* dimension, hash of name -> struct eng_embedder_record */
	ENG_T_PLACES,  /* document, embedder -> place of its row */
	ENG_T_VECTORS, /* embedder, first place -> 64 or 1,024 vectors (rows.c) */
	ENG_T_NODES,   /* identity, document / 1,024 -> 1,024 nodes (nodes.c) */
	ENG_T_NODE_DOCS, /* identity, node / 1,024 -> 1,024 documents */
	ENG_T_COUNT
};
extern const struct eng_table eng_state_tables[ENG_T_COUNT];

struct eng_meta {
	uint32_t version;    /* ENG_STATE_VERSION */
	uint32_t docs;       /* next document number */
	uint64_t live;       /* documents in use */
	uint64_t tokens;     /* in all of them */
	uint64_t changes;    /* number of the last change */
	eng_stamp stamp;     /* greatest of all frames applied */
	uint8_t build[16];   /* random; new at every rebuild, kept by compaction */
	struct engram_id space;
	uint64_t unpurged;   /* times that something forgotten came in since the last compaction; 0 = nothing to purge */
	uint64_t view;       /* number of the view file in use; 0 = nothing was folded */
	uint8_t view_digest[ENG_FOLD_HASH]; /* what it must have */
};

struct eng_head {
	struct eng_series series;
	uint64_t base; /* of a branch: its frames have numbers above this */
	uint64_t seq; /* applied up to here */
	uint32_t header_check;
	eng_stamp stamp;
	struct eng_place next; /* where the frame after it lies: a hint */
};

/* Where a text lies in the log; dot.seq 0 = there is none. */
struct eng_text_at {
	struct eng_dot dot;
	struct eng_place place;
	uint32_t element;
	uint32_t n;
};

struct eng_change {
	uint32_t doc;
	struct eng_text_at old;
};

struct eng_raw_skip;

#define ENG_META_SIZE 112u
#define ENG_HEAD_SIZE 48u
#define ENG_BRIEF_SIZE 64u
#define ENG_BRIEF_CHUNK 1024u
#define ENG_CHANGE_SIZE 56u
#define ENG_SKIP_KEY 28u
#define ENG_SKIP_SIZE 24u
#define ENG_ORDER_KEY 24u
#define ENG_DIGEST_CHUNK 64u
#define ENG_TAG_VERBATIM 480u
#define ENG_TAG_KEY_MAX (2u + ENG_TAG_VERBATIM + 4u)

void eng_meta_encode(uint8_t out[ENG_META_SIZE], const struct eng_meta *m);
bool eng_meta_decode(struct eng_meta *m, struct eng_bytes in);
void eng_head_encode(uint8_t out[ENG_HEAD_SIZE], const struct eng_head *h);
bool eng_head_decode(struct eng_head *h, struct eng_bytes key, struct eng_bytes in);
void eng_brief_encode(uint8_t out[ENG_BRIEF_SIZE], const struct eng_brief *b);
void eng_brief_decode(struct eng_brief *b, const uint8_t in[ENG_BRIEF_SIZE]);
void eng_change_encode(uint8_t out[ENG_CHANGE_SIZE], const struct eng_change *c);
bool eng_change_decode(struct eng_change *c, struct eng_bytes in);
void eng_skip_encode(uint8_t key[ENG_SKIP_KEY], uint8_t out[ENG_SKIP_SIZE], const struct eng_raw_skip *s);
bool eng_skip_decode(struct eng_raw_skip *s, struct eng_bytes key, struct eng_bytes in);
void eng_order_key(uint8_t out[ENG_ORDER_KEY], int64_t stored_us, const struct engram_id *id);
/* Key of a tag's documents; the document is its last 4 bytes.  Returns the length. */
size_t eng_tag_key(uint8_t out[ENG_TAG_KEY_MAX], struct engram_str tag, uint32_t doc);

/* The value of an item: 8 bytes XXH3-64 of the rest, 4 document, 4 zero, encoding. */
int eng_item_value(struct eng_buf *out, const struct eng_item *item, uint32_t doc, struct engram_error *err);
/* Decodes a copy of the value made in the arena.  ENGRAM_EDAMAGED. */
int eng_item_load(struct eng_item *item, uint32_t *doc, const struct engram_id *id, struct eng_bytes value,
                  struct eng_arena *arena, struct engram_error *err);

/* The heads of a state: sorted by series; one allocation for eng_free(). */
int eng_heads_load(struct eng_head **heads, size_t *n, struct eng_txn *t, struct engram_error *err);
const struct eng_head *eng_head_find(const struct eng_head *heads, size_t n, const struct eng_series *series);
/* ENGRAM_EVERSION where the state is of another version or space. */
int eng_meta_load(struct eng_meta *m, struct eng_txn *t, const struct engram_id *space, struct engram_error *err);

/* -- generations (gen.c) --------------------------------------------------- */

struct eng_gen {
	unsigned refs;
	uint64_t number;
	char state[48], text[48]; /* file names in the space's directory */
	uint8_t build[16];
	struct eng_store *store;
	struct eng_folded *folded; /* the view file, opened when first needed */
	struct eng_fts *fts;      /* likewise */
	bool fts_write;
	uint64_t text_ino;
	uint64_t fts_moment;      /* counts what a snapshot must not outlive: see snapshot_int.h */
};

/* Looks at CURRENT and opens what it names if it is not what s->gen is.
 * A missing or unusable state is no error: s->gen is NULL then and
 * s->gen_problem says why.  ENGRAM_ENOMEM only. */
int eng_gen_refresh(struct engram_space *s, struct engram_error *err);
struct eng_gen *eng_gen_ref(struct eng_gen *g);
void eng_gen_unref(struct eng_gen *g); /* NULL allowed */
/* A new empty state file nobody knows of yet (under the apply lock).
 * build NULL = random; text NULL = a file name of its own. */
int eng_gen_create(struct eng_gen **g, struct engram_space *s, const uint8_t *build, const char *text,
                   struct engram_error *err);
/* Syncs the state, reopens it for use, names it in CURRENT, removes all others. */
int eng_gen_install(struct engram_space *s, struct eng_gen *g, struct engram_error *err);
/* Closes and deletes a generation that was not installed. */
void eng_gen_abandon(struct engram_space *s, struct eng_gen *g);
/* Removes CURRENT and every derived file (under the apply lock). */
int eng_gen_discard(struct engram_space *s, struct engram_error *err);
/* Removes derived files that CURRENT does not name (under the apply lock). */
void eng_gen_sweep(struct engram_space *s);
/* Opens the text view of a generation.  Readers: 0 with g->fts NULL where
 * there is none usable.  write: makes it, or replaces one that is not usable. */
int eng_gen_text(struct engram_space *s, struct eng_gen *g, bool write, struct engram_error *err);
/* Closes it; the next eng_gen_text opens it anew. */
void eng_gen_close_text(struct eng_gen *g);
/* Removes a text view file with its companions. */
void eng_gen_drop_text(struct engram_space *s, struct eng_gen *g);
/* A number that no file of any generation has. */
int eng_gen_number(uint64_t *number, struct engram_space *s, struct engram_error *err);

/* -- view files (folded.c) ------------------------------------------------------ */

/* A view file that is open, for the handle and the snapshots that read it. */
struct eng_folded {
	unsigned refs;
	uint64_t number;
	struct eng_fold *fold;
};
#define ENG_VIEW_NAME_MAX 32
void eng_view_name(char out[ENG_VIEW_NAME_MAX], uint64_t number);
/* The one that the state names (m->view is not 0), for eng_folded_unref: errors of
 * eng_fold_open, and ENGRAM_EVERSION where it is not the one that the state was told of. */
int eng_folded_open(struct eng_folded **out, struct engram_space *s, struct eng_gen *g, const struct eng_meta *m,
                    struct engram_error *err);
void eng_folded_unref(struct eng_folded *f); /* NULL allowed */
/* The name of the file that the state in use names: 1, 0 it names none, <0 it cannot be read. */
int eng_view_in_use(char out[ENG_VIEW_NAME_MAX], struct engram_space *s);
/* Reads a file of the space into the page cache anew, in large pages where the kernel
 * has them (warm.c). */
int eng_warm_file(struct engram_space *s, const char *name, const struct eng_job *job, struct engram_error *err);
/* Whose vectors: of hash/1 (who NULL), or of an embedder. */
void eng_identity_key(uint8_t out[ENG_FOLD_KEY], const struct eng_embedder *who);
/* A block of a graph, fetched; NULL: it cannot be. */
const struct eng_hnsw_block *eng_graph_block(struct eng_hnsw *g, uint32_t block);

/* -- where ids stand (idmap.c) ---------------------------------------------- */

/* Of n records of `size` bytes that begin with an id, ascending: the first that is not
 * before this one; n where all are. */
size_t eng_id_lower(const void *records, size_t n, size_t size, const struct engram_id *id);

/* Id -> index in a caller's array of records of `size` bytes that begin with it. */
struct eng_idmap {
	uint32_t *slots; /* index + 1; 0 = free */
	size_t n, cap;
};
/* -1: not there. */
int64_t eng_idmap_find(const struct eng_idmap *m, const void *records, size_t size, const struct engram_id *id);
/* Enters the record behind those entered so far, whose id is none of theirs;
 * false: out of memory. */
bool eng_idmap_add(struct eng_idmap *m, const void *records, size_t size);
void eng_idmap_clear(struct eng_idmap *m, const void *records, size_t size);
void eng_idmap_free(struct eng_idmap *m);

/* -- raw frames (raw.c) ---------------------------------------------------- */

struct eng_raw_id {
	struct engram_id id;
	uint32_t first, last; /* links */
};
struct eng_raw_link {
	uint32_t frame, next; /* next UINT32_MAX = end */
};
struct eng_raw_skip {
	struct eng_dot dot;
	uint32_t header_check; /* two stores may have written that dot (forks.c) */
	uint8_t kind, version;
	struct eng_place place;
};
static inline struct eng_raw_skip eng_skip_of(const struct eng_frame *f)
{
	return (struct eng_raw_skip){{f->h.series, f->h.seq}, f->h.header_check, f->h.kind, f->h.version, f->place};
}

struct eng_raw_edge {
	struct eng_edge_key key;
	struct eng_edge_dot dot;
};

/* What a retirement or a fork says (series.c). */
struct eng_fact {
	uint8_t kind; /* ENG_RETIRE, ENG_FORK */
	struct eng_series series;
	uint64_t seq; /* of a fork */
	struct eng_dot dot; /* of the frame that says so */
	uint32_t header_check;
};

/* Frames in the order they were read, payloads in the arena. */
struct eng_raw {
	struct eng_arena arena;
	struct eng_frame *frames;
	struct eng_dot_record *dots; /* in their place, where they are taken apart at once */
	bool apart;
	size_t n, frames_cap;
	struct eng_raw_id *ids; /* every subject once */
	size_t nids, ids_cap;
	struct eng_raw_link *links;
	size_t nlinks, links_cap;
	struct eng_idmap map;
	struct eng_head *heads; /* how far each series was read; in no order */
	size_t nheads, heads_cap;
	struct eng_raw_edge *edges; /* of edge frames, which are not among `frames` */
	size_t nedges, edges_cap, sorted_edges;
	struct eng_fact *facts;
	size_t nfacts, facts_cap;
	struct eng_raw_skip *skips; /* kinds this program does not know */
	size_t nskips, skips_cap;
	uint64_t read;  /* frames read, birth frames and skipped ones included */
	uint64_t bytes; /* of these */
	eng_stamp stamp; /* greatest of these */
};

/* A stub behind the heads, and the frames that killed it: any of them will do. */
struct eng_horizon_stub {
	struct eng_position at; /* by the series or branch that holds it */
	struct eng_series of;   /* that its frame names */
	eng_stamp stamp;
	unsigned subjects;
	bool dead;              /* one of them is in the state */
};
struct eng_horizon_subject {
	struct engram_id id;
	uint32_t stub; /* which of them is about it */
};
struct eng_horizon_killer {
	uint32_t stub;     /* which of them it killed */
	struct eng_dot at; /* by the series or branch that holds it */
};
/* How far frames may be shown and applied (horizon.c). */
struct eng_horizon {
	struct eng_log *log;
	struct eng_txn *txn;          /* the state; may be NULL */
	eng_stamp latest;             /* what others stamped later is held */
	const struct eng_head *heads; /* of the state: the horizon is not nearer */
	size_t nheads;
	bool blocked;                 /* reading met a stub before the forget that made it */
	struct eng_head *ends;        /* found: each series may be read up to here; NULL: not asked for */
	size_t nends;
	struct eng_horizon_stub *stubs; /* all that lie behind the heads, where it was asked for */
	size_t nstubs, stubs_cap;
	struct eng_horizon_subject *about;
	size_t nabout, about_cap;
	struct eng_horizon_killer *killers; /* ascending by stub */
	size_t nkillers, killers_cap;
};

struct eng_raw_limit {
	uint64_t frames, bytes; /* stop before more than this is held; full is set */
	bool full;
};

void eng_raw_init(struct eng_raw *r);
void eng_raw_free(struct eng_raw *r);
/* Takes one frame, whatever it follows; an unknown kind is ENGRAM_EDAMAGED here. */
int eng_raw_take_loose(struct eng_raw *r, const struct eng_frame *f, struct engram_error *err);
/* Takes the frame that follows the head of its series, `from` where it has none yet;
 * 1, or 0 where nothing behind it can be understood. */
int eng_raw_take(struct eng_raw *r, const struct eng_head *from, const struct eng_frame *f, struct engram_error *err);
/* Reads on from where it stopped (or from `from`, the state's head; NULL = the
 * beginning) up to `upto`, no further than the horizon (NULL: whatever comes). */
int eng_raw_read(struct eng_raw *r, struct eng_log *log, const struct eng_series_info *series,
                 const struct eng_head *from, uint64_t upto, struct eng_horizon *horizon,
                 struct eng_raw_limit *limit, struct engram_error *err);
/* Every series, behind the horizon's heads: what is written, or durable only. */
int eng_raw_read_all(struct eng_raw *r, struct eng_log *log, const struct eng_series_info *infos, size_t n,
                     bool written, struct eng_horizon *horizon, struct eng_raw_limit *limit,
                     struct engram_error *err);
/* The frames about an id: index into ids, or -1. */
int64_t eng_raw_find(const struct eng_raw *r, const struct engram_id *id);
/* Makes the id one of ids, without a frame; 0 or ENGRAM_ENOMEM. */
int eng_raw_mention(struct eng_raw *r, const struct engram_id *id);
/* Adds the frames about ids[i] to the item. */
int eng_raw_apply(const struct eng_raw *r, size_t i, struct eng_item *item, struct engram_error *err);
/* The same for an item that is done with before the frames are: nothing is copied. */
int eng_raw_apply_kept(const struct eng_raw *r, size_t i, struct eng_item *item, struct engram_error *err);
/* By key and dot; after reading, before the next two. */
void eng_raw_sort_edges(struct eng_raw *r);
/* The first edge at or behind a key. */
size_t eng_raw_edge_at(const struct eng_raw *r, const struct eng_edge_key *from);
const struct eng_head *eng_raw_head(const struct eng_raw *r, const struct eng_series *series);

/* -- what was said of series (series.c) -------------------------------------- */

/* False: the frame says nothing of a series that can be understood. */
bool eng_fact_of(struct eng_fact *out, const struct eng_frame *f);
#define ENG_FACT_KEY 53u
void eng_fact_key(uint8_t out[ENG_FACT_KEY], const struct eng_fact *f);

/* -- what a bulk writer wrote (written.c) ------------------------------------ */

/* The frames of a run that is not applied yet, as they went into the log; begins
 * as zeros. */
struct eng_written {
	struct eng_raw raw;    /* taken apart, without the numbers of vectors */
	struct eng_written_codes *codes; /* of the first vector of each frame read */
	size_t ncodes, codes_cap;
	struct eng_head from; /* what the first of them follows */
	struct eng_place last; /* where the last of them lies */
	bool lost;            /* not all are here: apply reads the log */
};
/* What a vector among them was quantised to, NULL: not known here. */
const int8_t *eng_written_codes(const struct eng_written *w, const struct eng_text_at *at);
void eng_written_free(struct eng_written *w); /* back to zeros */
void eng_written_add(struct eng_written *w, const struct eng_appended *a);
void eng_written_lose(struct eng_written *w); /* until the next free */
/* Whether they are all that a state with these heads has not applied. */
bool eng_written_is_rest(const struct eng_written *w, struct eng_log *log, const struct eng_head *heads,
                         size_t nheads, const struct eng_series_info *infos, size_t ninfos);

/* -- how far (horizon.c) ---------------------------------------------------- */

void eng_horizon_begin(struct eng_horizon *h, const struct engram_space *s);
/* From the heads of a state on (t NULL: there is none), both as long as it is used. */
void eng_horizon_behind(struct eng_horizon *h, struct eng_txn *t, const struct eng_head *heads, size_t nheads);
void eng_horizon_end(struct eng_horizon *h);
/* The greatest closed prefix of what is written, or durable: for every stub in it
 * a frame that killed it, nothing held, nothing critical and unknown. */
int eng_horizon_find(struct eng_horizon *h, struct eng_log *log, const struct eng_series_info *infos, size_t n,
                     bool written, struct engram_error *err);
/* 0, or why (enum engram_wait) a frame waits whatever else is there. */
unsigned eng_horizon_holds(const struct eng_horizon *h, const struct eng_series_info *series,
                           const struct eng_header *f);
/* upto, or less where the horizon was found. */
uint64_t eng_horizon_upto(const struct eng_horizon *h, const struct eng_series *series, uint64_t upto);
/* 1 the frame may follow what was read, 0 not (yet). */
int eng_horizon_admits(struct eng_horizon *h, const struct eng_raw *r, const struct eng_series_info *series,
                       const struct eng_frame *f, struct engram_error *err);

/* What killed stubs (killers.c).  ENGRAM_EDAMAGED: it is none. */
int eng_stub_of(struct eng_stub *out, const struct eng_frame *f, struct engram_error *err);
/* One more stub, with the forget that it names. */
int eng_killers_add(struct eng_horizon *h, const struct eng_series_info *series, const struct eng_frame *f,
                    struct engram_error *err);
/* What else killed any of them, in the state and in all that waits. */
int eng_killers_look(struct eng_horizon *h, const struct eng_series_info *infos, size_t n, bool written,
                     struct engram_error *err);

/* What a session knows of forks (forks.c); begins with zeros. */
struct eng_forks {
	struct eng_dot *all;  /* as listed last, ascending */
	size_t n, cap;
	struct eng_dot *told; /* by the peer, or found with it */
	size_t ntold, told_cap;
	unsigned claims;      /* of these, such as changed something, and were not shown */
	struct eng_dot *said; /* by frames, as read last */
	size_t nsaid;
	eng_stamp floor;      /* above which a frame may be said, at that moment */
	bool read;            /* those count: no frame came since that tells a fork */
	bool settled;
};
int eng_forks_list(struct eng_forks *f, struct engram_space *s, bool take, struct engram_error *err);
int eng_forks_learn(struct eng_forks *f, struct engram_space *s, const struct eng_dot *at, uint32_t mine,
                    uint32_t theirs, struct engram_error *err);
void eng_forks_free(struct eng_forks *f);

/* -- state and raw frames of one moment (view.c) --------------------------- */

struct eng_view {
	struct engram_space *space;
	struct eng_gen *gen;   /* NULL: the log alone */
	struct eng_txn *txn;
	struct eng_meta meta;  /* zeros without state */
	struct eng_head *heads;
	size_t nheads;
	struct eng_raw raw;
	bool durable_only;     /* what is not durable is not shown */
	eng_stamp stamp;       /* greatest of all; what a new stamp must exceed */
	uint64_t durable;      /* frames of all series */
};

int eng_view_open(struct eng_view *v, struct engram_space *s, struct engram_error *err);
/* The same of what is durable only: what may be told to others. */
int eng_view_open_durable(struct eng_view *v, struct engram_space *s, struct engram_error *err);
/* Reads frames that came since. */
int eng_view_extend(struct eng_view *v, struct engram_error *err);
/* Durable frames that it leaves out: they wait (horizon.c). */
uint64_t eng_view_held(const struct eng_view *v);
/* Up to which frame of the series. */
uint64_t eng_view_shown(const struct eng_view *v, const struct eng_series_info *series);
void eng_view_close(struct eng_view *v); /* of zeros: nothing */
/* The item with all its dots (ndots 0: never heard of), and the document it
 * has in the state (ENG_NO_DOC: none). */
int eng_view_item(struct eng_view *v, struct eng_item *item, uint32_t *doc, const struct engram_id *id,
                  struct eng_arena *arena, struct engram_error *err);

/* Whether a frame is among those up to the heads. */
bool eng_view_within(const struct eng_view *v, const struct eng_head *heads, size_t n, const struct eng_dot *dot,
                     struct eng_place place);
/* The series that were retired (seq 0), or from where on series were written
 * twice: ascending, each once, for eng_free(). */
int eng_view_facts(struct eng_view *v, struct eng_dot **out, size_t *n, uint8_t kind, struct engram_error *err);

/* The digest buckets of state and raw frames together (digest.c). */
int eng_view_digest(struct eng_view *v, eng_u128 buckets[ENG_DIGEST_BUCKETS], struct engram_error *err);
/* The state digest: of all of them. */
int eng_view_digest_whole(uint8_t digest[16], struct eng_view *v, struct engram_error *err);
/* What each id of a bucket contributes, ascending by id; non-zero ends it (bucket.c). */
int eng_view_bucket(struct eng_view *v, unsigned bucket,
                    int (*fn)(void *data, const struct engram_id *id, eng_u128 sum), void *data,
                    struct engram_error *err);
int eng_digest_load(eng_u128 buckets[ENG_DIGEST_BUCKETS], struct eng_txn *t, struct engram_error *err);

/* -- frames of kinds that are not known (skipped.c) --------------------------- */

/* Those of a batch; after its items, which tell the forgets.  *killed grows by what is
 * to be purged of them. */
int eng_skips_write(struct engram_space *s, struct eng_txn *t, const struct eng_raw *raw, uint64_t *killed,
                    struct engram_error *err);
/* Those that a forget of a subject killed, whole as yet; begins with zeros. */
struct eng_skip_purge {
	struct eng_kill *kills; /* for eng_free() */
	size_t n, cap;
};
int eng_skip_purge_list(struct eng_skip_purge *p, struct eng_view *v, struct engram_error *err);
/* 1 where one of them is whole, about the id, and later than that; 0. */
int eng_skips_said(struct eng_view *v, const struct engram_id *id, eng_stamp since, struct engram_error *err);

/* -- edges (edges.c) --------------------------------------------------------- */

/* Keys: from, to, class, relation; to_first: the ends the other way round. */
#define ENG_EDGE_KEY_MAX (16u + 16u + 1u + ENGRAM_RELATION_MAX)
size_t eng_edge_key_encode(uint8_t out[ENG_EDGE_KEY_MAX], const struct eng_edge_key *key, bool to_first);
bool eng_edge_key_decode(struct eng_edge_key *key, struct eng_bytes in, bool to_first);
/* 1 and the edge, in the arena; 0 (and an empty one) where there is none. */
int eng_edge_load(struct eng_edge *e, struct eng_txn *t, const struct eng_edge_key *key, struct eng_arena *arena,
                  struct engram_error *err);
/* Writes its record, or removes it where no dot is left. */
int eng_edge_store(struct eng_txn *t, const struct eng_edge *e, struct eng_buf *scratch, struct engram_error *err);

/* An id whose last forget became another. */
struct eng_forget_change {
	struct engram_id id;
	eng_stamp old, new;
};
/* Edges that raw frames speak of, or whose ends are among the changes (sorted
 * by id): what they contributed to the digest leaves the buckets, what they
 * contribute now enters them.  t NULL: no state.  dead not NULL: their records
 * are written too, and *dead grows by those that hold what a forget killed. */
int eng_edges_exchange(struct eng_txn *t, struct eng_raw *raw, const struct eng_forget_change *changes, size_t n,
                       eng_u128 buckets[ENG_DIGEST_BUCKETS], uint64_t *dead, struct engram_error *err);

/* Calls back the edges from an id (NULL: all), of state and raw frames, in the
 * order of keys; each in the arena, which is the caller's to reset.  Non-zero
 * ends the walk. */
typedef int eng_edge_fn(void *data, struct eng_edge *e, struct engram_error *err);
int eng_view_edges(struct eng_view *v, const struct engram_id *from, eng_edge_fn *fn, void *data,
                   struct eng_arena *arena, struct engram_error *err);
/* One edge, with what raw frames say; empty: never heard of. */
int eng_view_edge(struct eng_view *v, struct eng_edge *e, const struct eng_edge_key *key, struct eng_arena *arena,
                  struct engram_error *err);

/* 1 = an edge with this end has a dot later than that, 0 = none has. */
int eng_view_said(struct eng_view *v, const struct engram_id *id, eng_stamp after, struct eng_arena *arena,
                  struct engram_error *err);

/* -- how far the series are (waits.c) ----------------------------------------- */

/* What waits, by series, for eng_free(). */
int eng_view_waits(struct eng_view *v, struct engram_waiting **out, size_t *n, struct engram_error *err);

/* -- outside items (said.c) --------------------------------------------------- */

/* Durable frames that the view leaves out; non-zero ends it. */
typedef int eng_waiting_fn(void *data, const struct eng_frame *f, const struct eng_prelude *p,
                           struct engram_error *err);
int eng_view_waiting(struct eng_view *v, eng_waiting_fn *fn, void *data, struct engram_error *err);
/* 1 = a link with this end, or a frame of an unknown kind about it, is later than that; 0. */
int eng_view_mentions(struct eng_view *v, const struct engram_id *id, eng_stamp since, struct engram_error *err);
/* 1 = the same, whenever, or a frame that waits is about it; 0. */
int eng_view_knows(struct eng_view *v, const struct engram_id *id, struct engram_error *err);

/* What forgets killed, to be purged (purge_edges.c).  Begin with zeros; every id
 * that was forgotten once; list; the frames become stubs; the records. */
struct eng_forgotten {
	struct engram_id id;
	eng_stamp stamp;
};
struct eng_edge_frame_at {
	struct eng_dot dot;
	struct eng_place place;
};
struct eng_edge_purge {
	struct eng_forgotten *forgotten;
	size_t nforgotten, forgotten_cap;
	struct eng_edge_key *keys; /* of the records that hold dead dots */
	size_t nkeys, keys_cap;
	struct eng_edge_frame_at *frames; /* that said them */
	size_t nframes, frames_cap;
	struct eng_kill *kills; /* frames that say nothing else */
	size_t nkills, kills_cap;
	struct eng_arena arena;
};
int eng_edge_purge_forgotten(struct eng_edge_purge *p, const struct engram_id *id, eng_stamp stamp,
                             struct engram_error *err);
int eng_edge_purge_list(struct eng_edge_purge *p, struct eng_view *v, struct engram_error *err);
int eng_edge_purge_records(struct eng_edge_purge *p, struct eng_txn *t, struct engram_error *err);
void eng_edge_purge_free(struct eng_edge_purge *p);

/* The links of a memory that is live, both ends being live, into its fields; as
 * of the heads where there are some. */
int eng_memory_links(struct engram_memory *m, struct eng_view *v, eng_stamp forgotten, const struct eng_head *heads,
                     size_t nheads, struct eng_arena *arena, struct engram_error *err);

/* -- documents (doc.c) ----------------------------------------------------- */

/* A vector of a document: whose it is, and where its numbers are. */
struct eng_doc_vector {
	struct eng_embedder who;
	struct eng_text_at at;
	const uint8_t *p; /* the element, where it was at hand */
};

/* What the tables say of one item. */
struct eng_doc {
	bool live;
	struct eng_brief brief; /* tokens is not filled in */
	struct eng_text_at text;
	const uint8_t *text_p;  /* the bytes, where they were at hand */
	const struct engram_str *tags; /* sorted */
	size_t ntags;
	const struct eng_doc_vector *vectors;
	size_t nvectors;
};
/* Points into the item's arena. */
int eng_doc_of(struct eng_doc *d, const struct eng_item *item, const struct eng_reading *r, struct engram_error *err);
int eng_doc_read(struct eng_doc *d, const struct eng_item *item, struct engram_error *err);

/* The text itself; b is scratch that it may point into.  Absent: p NULL. */
int eng_text_load(struct engram_str *out, struct eng_buf *b, struct engram_space *s, const struct eng_text_at *at,
                  struct engram_error *err);

/* ENGRAM_ENOID, naming the id (lookup.c). */
int eng_no_such_id(const struct engram_id *id, struct engram_error *err);

/* Every live memory of a view, in the order of ids; m NULL: `why` it cannot be
 * read.  A result that is not 0 ends it (lookup.c). */
typedef int eng_view_memory_fn(void *data, const struct engram_id *id, const struct engram_memory *m,
                               const struct engram_error *why);
int eng_view_memories(struct eng_view *v, eng_view_memory_fn *fn, void *data, struct engram_error *err);

/* -- memories (body.c) ------------------------------------------------------ */

/* The whole memory in `arena`.  ENGRAM_ENOID: its frame became a stub meanwhile. */
int eng_memory_build(struct engram_memory *out, struct engram_space *s, const struct eng_item *item,
                     const struct eng_reading *r, struct eng_arena *arena, struct engram_error *err);

/* -- document frequencies in memory (dfmap.c) -------------------------------- */

struct eng_df {
	uint64_t stem;
	int32_t count;
	bool used;
};
/* Open addressing until sorted; then at[0..n) ascending, without zeros. */
struct eng_dfmap {
	struct eng_df *at;
	size_t n, cap;
};
int eng_dfmap_add(struct eng_dfmap *m, const struct eng_terms *t, int delta); /* 0 or ENGRAM_ENOMEM */
void eng_dfmap_sort(struct eng_dfmap *m);
int64_t eng_dfmap_sorted(const struct eng_dfmap *m, uint64_t stem); /* after sort; 0 = not there */
void eng_dfmap_free(struct eng_dfmap *m);

/* -- rows (rows.c) ----------------------------------------------------------- */

#define ENG_ROWS_SMALL 64u
#define ENG_ROWS_LARGE 1024u

/* Rows of one length: those of hash/1, or of one embedder. */
struct eng_row_table {
	size_t table;    /* ENG_T_ROWS or ENG_T_VECTORS */
	uint32_t stride;
	uint32_t number; /* of the embedder */
};
extern const struct eng_row_table eng_hash1_rows;

/* The first chunk at or behind `from`, which no chunk spans: 1, 0 there is none, <0. */
int eng_rows_next(struct eng_rows *out, uint32_t *first, struct eng_txn *t, const struct eng_row_table *rt,
                  uint32_t from);
/* The chunk that holds the row at `place`, and the place of its first row; false if there is none. */
bool eng_rows_chunk(struct eng_rows *out, uint32_t *first, struct eng_txn *t, const struct eng_row_table *rt,
                    uint32_t place);
/* Whether the bytes of a chunk fit their check (for --check). */
bool eng_rows_verify(struct eng_bytes value, uint32_t stride);

/* Vectors to be written by one batch; codes NULL = empty the row. */
struct eng_row_change {
	uint32_t place, doc;
	const int8_t *codes;
};
/* changes ascending by place; next_place = rows after the batch.  A row without a
 * chunk is empty already. */
int eng_rows_write(struct eng_txn *t, const struct eng_row_table *rt, const struct eng_row_change *changes, size_t n,
                   uint32_t next_place, struct engram_error *err);

/* The check that a chunk bears, which tells whether it has changed. */
uint64_t eng_rows_mark(const struct eng_rows *rows);
void eng_rows_del(struct eng_txn *t, const struct eng_row_table *rt, uint32_t first);

/* -- nodes and documents (nodes.c) --------------------------------------------- */

/* Of an identity: 0 hash/1, else an embedder's number and one. */
#define ENG_NODES_HASH1 0u
static inline uint32_t eng_nodes_number(uint32_t embedder)
{
	return embedder + 1;
}
/* Documents of the nodes of a block of 1,024, ENG_NO_DOC for one that is masked; NULL:
 * there is none.  Valid as what eng_txn_get gives. */
const uint32_t *eng_nodes_docs(struct eng_txn *t, uint32_t number, uint32_t block);
/* The node that stands for a document, ENG_HNSW_NONE where none does. */
uint32_t eng_node_of(struct eng_txn *t, uint32_t number, uint32_t doc);
/* The nodes of documents whose rows change stand for nothing any more. */
int eng_nodes_mask(struct eng_txn *t, uint32_t number, const struct eng_row_change *changes, size_t n,
                   struct engram_error *err);
/* Both tables of an identity: n nodes, docs[node]; n 0: none. */
int eng_nodes_write(struct eng_txn *t, uint32_t number, const uint32_t *docs, uint32_t n, struct engram_error *err);

/* -- vectors of embedders (vectors.c) ------------------------------------------ */

/* What the state keeps of one embedder: who, and where its rows are. */
struct eng_embedder_record {
	struct eng_embedder who; /* name inside the record's value, or the batch's arena */
	uint32_t number;
	uint32_t rows;  /* next place */
	uint32_t live;  /* rows in use */
};
#define ENG_EMBEDDER_KEY 18u
void eng_embedder_key(uint8_t out[ENG_EMBEDDER_KEY], const struct eng_embedder *who);
bool eng_embedder_decode(struct eng_embedder_record *r, struct eng_bytes key, struct eng_bytes value);
/* 1, 0 where the state has none of it. */
int eng_embedder_find(struct eng_embedder_record *out, struct eng_txn *t, const struct eng_embedder *who,
                      struct engram_error *err);
/* All of them, in the order of keys; non-zero ends it and is returned.  ENGRAM_EDAMAGED. */
typedef int eng_embedder_fn(void *data, const struct eng_embedder_record *e, struct engram_error *err);
int eng_embedders_each(struct eng_txn *t, eng_embedder_fn *fn, void *data, struct engram_error *err);
void eng_vector_key(uint8_t out[8], uint32_t number, uint32_t first);
/* Place of a document's row among an embedder's; false = it has none. */
bool eng_vector_place(uint32_t *place, struct eng_txn *t, uint32_t doc, uint32_t number);
static inline struct eng_row_table eng_embedder_rows(const struct eng_embedder_record *r)
{
	return (struct eng_row_table){ENG_T_VECTORS, ENG_VEC_STRIDE(r->who.dim), r->number};
}

/* Its codes, ENG_VEC_STRIDE(who.dim) bytes; b is scratch.  1, 0 for zeros. */
int eng_vector_codes(int8_t *codes, const struct eng_doc_vector *v, struct eng_buf *b, struct engram_space *s,
                     struct engram_error *err);

/* Changes of a batch, gathered and written at its end. */
struct eng_vector_batch {
	struct eng_embedder_record *embedders;
	bool loaded;
	size_t nembedders, embedders_cap;
	struct eng_vector_change *changes;
	size_t n, cap;
	struct eng_buf element;
	const struct eng_written *written; /* the batch is of them; or NULL */
};
/* Of an element of a frame: its numbers, 0 = none that can be; codes, of
 * ENG_VEC_STRIDE(dim), may be NULL. */
uint32_t eng_vector_quantise(int8_t *codes, const uint8_t *p, size_t n);
/* The document's vectors become those of `to` (from, to: not live = none). */
int eng_vectors_move(struct eng_vector_batch *b, struct engram_space *s, struct eng_txn *t, struct eng_arena *keep,
                     uint32_t doc, const struct eng_doc *from, const struct eng_doc *to, struct engram_error *err);
int eng_vectors_write(struct eng_vector_batch *b, struct eng_txn *t, struct engram_error *err);
void eng_vectors_free(struct eng_vector_batch *b);

/* The codes of the row at a place, or of the node that stands for the document; NULL:
 * neither is there (snapshot_graph.c).  key: whose, in the view file; f NULL: none. */
const int8_t *eng_codes_of(struct eng_txn *t, const struct eng_row_table *rt, uint32_t place, struct eng_fold *f,
                           const uint8_t key[ENG_FOLD_KEY], uint32_t number, uint32_t doc);
/* Nodes of an identity that stand for documents. */
uint64_t eng_nodes_count(struct eng_txn *t, uint32_t number, uint32_t nodes);

/* For --check (check_vectors.c): what the documents' vectors come to. */
struct eng_vector_check {
	struct eng_fold *fold; /* the view file, NULL: none */
	uint64_t vectors;
	uint32_t *live; /* of each embedder's number */
	size_t cap;
};
/* 1 the rows of the document differ from its vectors, 0, or an error. */
int eng_vectors_check(struct eng_vector_check *c, struct engram_space *s, struct eng_txn *t, uint32_t doc,
                      const struct eng_doc *d, struct engram_error *err);
/* 1 the tables hold something else besides; `what` names it.  Frees c's memory. */
int eng_vectors_check_end(struct eng_vector_check *c, struct eng_txn *t, char *what, size_t n,
                          struct engram_error *err);

/* -- apply ------------------------------------------------------------------- */

/* Words of documents that the batch just made, to spare looking for them again. */
struct eng_fresh_text {
	uint32_t doc, tokens;
	bool text; /* it has one: the words of an empty text are none */
	struct engram_str stems;
};

/* Takes frames of `raw` into the state of `g` in one transaction. */
int eng_batch_apply(struct engram_space *s, struct eng_gen *g, struct eng_raw *raw,
                    struct eng_fresh_text **fresh, size_t *nfresh, struct eng_arena *arena, struct engram_error *err);
/* Reads from the state how many frames other processes have applied by now. */
void eng_applied_refresh(struct engram_space *s);
/* Durable frames of the log into a generation, state and text. */
int eng_apply_gen(struct engram_space *s, struct eng_gen *g, const struct eng_job *job, struct eng_range frames,
                  struct engram_error *err);
/* With the apply lock held: a new generation from the log alone, installed. */
int eng_rebuild_locked(struct engram_space *s, const struct eng_job *job, struct engram_error *err);
/* With both locks held: the state in a file of what is in use of it, where that is less
 * than half. */
int eng_squeeze_locked(struct engram_space *s, const struct eng_job *job, struct engram_error *err);
/* With the maintenance and the apply lock held: eng_space_fold. */
int eng_fold_locked(struct engram_space *s, const struct eng_job *job, enum eng_fold_when when,
                    struct engram_error *err);
/* With the apply lock held: what waits; a first state only if it is worth it. */
int eng_apply_locked(struct engram_space *s, const struct eng_job *job, struct eng_range frames,
                     struct engram_error *err);

/* -- text view (text_sync.c) --------------------------------------------------- */

/* What the text view includes: all changes up to `change`, and of the
 * documents those below `docs`. */
struct eng_text_mark {
	uint64_t change;
	uint32_t docs;
};
int eng_text_mark_load(struct eng_text_mark *m, struct eng_fts *f, struct engram_error *err);
/* Brings the view to the state.  fresh: see above. */
int eng_text_sync(struct engram_space *s, struct eng_gen *g, const struct eng_fresh_text *fresh, size_t nfresh,
                  const struct eng_job *job, struct engram_error *err);
/* The text that a document of the state has now (dot.seq 0: none). */
int eng_state_text(struct eng_text_at *at, struct eng_txn *t, uint32_t doc, struct eng_arena *arena,
                   struct engram_error *err);
bool eng_state_brief(struct eng_brief *out, struct eng_txn *t, uint32_t doc);

/* -- drafts (validate.c, draft.c) ----------------------------------------------- */

/* Only the fields that a revision may state; ENGRAM_EINPUT names the field. */
int eng_link_validate(const struct engram_link *l, struct engram_error *err);
int eng_revision_validate(const struct engram_memory *m, unsigned clear, const struct engram_str *untag,
                          size_t nuntag, struct engram_error *err);
/* The elements of the fields stated, in a fixed order. */
void eng_draft_elements(struct eng_payload_out *o, const struct engram_memory *m);
/* That these fields (enum engram_field) are taken away; of tags nothing. */
void eng_draft_clears(struct eng_payload_out *o, unsigned fields);
/* Whether the frame of `payload` states exactly what m states (session apart;
 * an imported time or a vector only if m states one). */
bool eng_draft_equal(const uint8_t *payload, size_t n, const struct engram_memory *m, struct eng_buf *scratch);

/* Whether the record of the last run, if there is one, fits its check (last_run.c). */
bool eng_run_verify(struct eng_txn *t);

/* -- jobs ------------------------------------------------------------------------ */

/* Non-zero (ENGRAM_ELIMIT) when the caller wants to stop. */
int eng_job_progress(const struct eng_job *job, const char *phase, uint64_t done, uint64_t total,
                     struct engram_error *err);

#endif
