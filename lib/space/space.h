/* space.h - one memory space: its log, its derived files, and a consistent
 * view over both.
 *
 *   log/      the truth, appended by put, forget, revise
 *   state.GEN.mdb + text.GEN.db   what apply derived from it, up to a watermark
 *   CURRENT   names the generation in use
 *
 * A *snapshot* is one LMDB read transaction plus an *overlay* made of the raw
 * frames behind its watermark, by the very functions that apply uses: so a
 * memory is visible the moment it is acknowledged, and a forgotten one is gone,
 * whether or not anything was applied.  The order of taking: state, then text
 * view, then marks, then raw frames.
 *
 * Documents: every live memory has a number, local to a generation.  Below
 * ENG_DOC_RAW it is a row of the state; from ENG_DOC_RAW on it is the i-th of
 * the overlay. */
#ifndef ENG_SPACE_SPACE_H
#define ENG_SPACE_SPACE_H

#include "base/arena.h"
#include "log/log.h"
#include "merge/item.h"
#include "index/hnsw.h"
#include "text/text.h"

#define ENG_DOC_RAW 0x80000000u
#define ENG_NO_DOC UINT32_MAX

/* -- opening (for home/) ------------------------------------------------- */

/* `dir` is the absolute directory of the space, `name` its name. */
int eng_space_open(struct engram_space **space, const struct eng_sys *sys, const char *dir, const char *name,
                   unsigned flags, unsigned wait_ms, engram_notice_fn *notice, void *notice_data,
                   struct engram_error *err);
/* 0, or ENGRAM_EUSAGE for NULL, a closed handle, or use after fork. */
int eng_space_check_handle(const struct engram_space *s, struct engram_error *err);
/* Makes the directory (space, lock, log/) whole or not at all; EEXISTS. */
int eng_space_create(const struct eng_sys *sys, const char *dir, const struct engram_id *id, int64_t created_us,
                     struct engram_error *err);
/* Locks everything, renames the directory away and deletes it. */
int eng_space_drop(const struct eng_sys *sys, const char *dir, unsigned wait_ms, struct engram_error *err);
/* Finishes drops that a kill or power cut left half done in `parent`. */
void eng_space_sweep(const struct eng_sys *sys, const char *parent);

/* -- snapshots ----------------------------------------------------------- */

struct eng_snapshot;

enum eng_snapshot_flags {
	ENG_SNAP_ITEMS = 0,
	ENG_SNAP_ROWS = 1u << 0, /* vectors of the overlay too */
	ENG_SNAP_TERMS = 1u << 1, /* terms of the overlay and of what the text view lacks */
	ENG_SNAP_TEXT = 1u << 2, /* open the text view (loads SQLite) if there is one */
};

/* ENGRAM_EBUSY ("run engram-consolidate") where the state is unusable and more
 * than 64 MiB of log wait. */
int eng_snapshot_open(struct eng_snapshot **snap, struct engram_space *space, unsigned flags,
                      struct engram_error *err);
/* As of an earlier moment, INT64_MAX = the present: memories, texts, fields and
 * frequencies of then; what was forgotten since is gone for then too. */
int eng_snapshot_open_as_of(struct eng_snapshot **snap, struct engram_space *space, unsigned flags, int64_t as_of_us,
                            struct engram_error *err);
void eng_snapshot_close(struct eng_snapshot *snap); /* NULL allowed */

/* What ranking and filtering need of a document, without its text. */
struct eng_brief {
	struct engram_id id;
	int64_t when_us;      /* occurred, else stored */
	int64_t stored_us;
	int64_t valid_until_us; /* INT64_MAX = none */
	uint64_t source_hash, actor_hash; /* XXH3-64, 0 = absent */
	uint32_t tokens;      /* length of the text; 0 in the overlay without ENG_SNAP_TERMS */
	uint16_t confidence;  /* as given; 10,000 where not stated */
	uint8_t kind;
	uint8_t live;         /* 0 = this number is not in use (any more), or masked by the overlay */
};

/* Numbers of documents: state rows are 0 .. state_docs-1 (some dead), overlay
 * ones ENG_DOC_RAW .. ENG_DOC_RAW+raw_docs-1 (all live). */
uint32_t eng_snapshot_state_docs(const struct eng_snapshot *s);
uint32_t eng_snapshot_raw_docs(const struct eng_snapshot *s);
/* False where the number is out of range; .live tells the rest. */
bool eng_snapshot_brief(struct eng_snapshot *s, uint32_t doc, struct eng_brief *out);
/* Whether the overlay replaces a document of the state: of one that has a row or a
 * node, this is all there is to ask to know that it lives. */
bool eng_snapshot_masked(const struct eng_snapshot *s, uint32_t doc);
/* Calls back live documents by stored descending, id ascending; non-zero ends the walk. */
int eng_snapshot_newest(struct eng_snapshot *s, int (*fn)(void *data, uint32_t doc), void *data,
                        struct engram_error *err);

/* Vectors of the hash/1 identity that no fold has taken into a graph: state chunks
 * first, then the overlay's.  Blocks stay valid as long as the snapshot.  1, 0, <0. */
struct eng_snapshot_rows {
	struct eng_snapshot *snap;
	uint64_t at;
};
int eng_snapshot_rows_next(void *rows, struct eng_rows *out);
/* hash/1 codes of one document, folded or not; false if it has none. */
bool eng_snapshot_codes(struct eng_snapshot *s, uint32_t doc, int8_t codes[ENG_HASH1_DIM]);

/* -- vectors of embedders ------------------------------------------------- */

/* Each embedder that a live memory has a vector of, in no order, once; non-zero
 * ends the walk.  (One whose last vector the overlay takes away is still named.) */
int eng_snapshot_embedders(struct eng_snapshot *s, int (*fn)(void *data, const struct eng_embedder *who), void *data,
                           struct engram_error *err);

/* The rows of one embedder that no fold has taken into a graph: those of the state,
 * then the overlay's.  Blocks stay valid as long as the snapshot. */
struct eng_snapshot_vectors {
	struct eng_snapshot *snap;
	struct eng_embedder who; /* as given: its name stays the caller's */
	uint32_t dim, stride;
	uint32_t number, rows; /* in the state; rows 0: none there */
	struct eng_rows overlay;
	uint64_t at;
};
int eng_snapshot_vectors_begin(struct eng_snapshot_vectors *v, struct eng_snapshot *s,
                               const struct eng_embedder *who, struct engram_error *err);
/* For a struct eng_row_reader, v being its ctx; begins anew after the end. */
int eng_snapshot_vectors_next(void *v, struct eng_rows *out);
/* stride codes of one document, folded or not; false if it has none. */
bool eng_snapshot_vectors_codes(struct eng_snapshot_vectors *v, uint32_t doc, int8_t *codes);

/* -- graphs ------------------------------------------------------------------ */

/* What folds made of the vectors of one identity: a graph, whose nodes stand for
 * documents.  A document is met either here or by the row readers above. */
struct eng_snapshot_graph {
	struct eng_hnsw *g; /* owned by the snapshot; doc of what a search of it finds: the node */
	struct eng_snapshot *snap;
	uint32_t number;    /* by which the state knows the identity */
	const uint32_t **docs; /* chunks looked up once */
};
/* who NULL: hash/1.  1, or 0: there is none, because few vectors have been folded, or
 * because the view file cannot be read (eng_snapshot_view_problem). */
int eng_snapshot_graph(struct eng_snapshot_graph *out, struct eng_snapshot *s, const struct eng_embedder *who,
                       struct engram_error *err);
/* Documents of nodes 1024 block and following, as many as the graph has; ENG_NO_DOC
 * where a memory is gone or shows another vector by now.  (A document that the
 * overlay replaces is named: its brief says that it is not live.)  NULL: damaged. */
const uint32_t *eng_snapshot_graph_docs(const struct eng_snapshot_graph *g, uint32_t block);
/* Why folded vectors cannot be read: recall by meaning lacks them until maintenance
 * has made them anew.  NULL: they can, or nothing was folded. */
const char *eng_snapshot_view_problem(const struct eng_snapshot *s);

/* Document frequencies and sizes of state and overlay together. */
struct eng_corpus eng_snapshot_corpus(struct eng_snapshot *s);

/* The text view, NULL where there is none in use.  Owned by the snapshot; of
 * several snapshots of one handle only the newest may use it.
 * Hits on documents for which eng_snapshot_text_current() is false must be
 * dropped: eng_snapshot_unindexed() gives these with their terms instead. */
struct eng_fts *eng_snapshot_fts(struct eng_snapshot *s);
bool eng_snapshot_text_current(struct eng_snapshot *s, uint32_t doc);
/* The documents to be scored directly (overlay, and what the view lacks);
 * terms valid as long as the snapshot. */
struct eng_unindexed {
	uint32_t doc;
	const struct eng_terms *terms;
};
int eng_snapshot_unindexed(struct eng_snapshot *s, const struct eng_unindexed **out, size_t *n,
                           struct engram_error *err);

/* Documents whose memory has this tag: calls back ascending. */
int eng_snapshot_tagged(struct eng_snapshot *s, struct engram_str tag, int (*fn)(void *data, uint32_t doc),
                        void *data, struct engram_error *err);

/* The whole memory: text and all, conflicts included; memory from the arena. */
int eng_snapshot_memory(struct eng_snapshot *s, uint32_t doc, struct engram_memory *out, struct eng_arena *arena,
                        struct engram_error *err);
/* Its document, by id: 1, 0 not live, -ENOID never seen (err filled). */
int eng_snapshot_find(struct eng_snapshot *s, const struct engram_id *id, uint32_t *doc, struct engram_error *err);
/* Stamps at which it was stored, stored again or recalled to learn (one a
 * series and hour), ascending, for the forgetting curve; from the arena. */
int eng_snapshot_rehearsals(struct eng_snapshot *s, uint32_t doc, const eng_stamp **out, size_t *n,
                            struct eng_arena *arena, struct engram_error *err);
/* How often it was judged to be, and not to be, what was asked for. */
int eng_snapshot_verdicts(struct eng_snapshot *s, uint32_t doc, struct eng_verdicts *out, struct engram_error *err);
/* The greatest stamp of anything in the snapshot: "now" for pure functions. */
eng_stamp eng_snapshot_stamp(const struct eng_snapshot *s);
/* Frames that lie behind the watermark. */
uint64_t eng_snapshot_unapplied(const struct eng_snapshot *s);

/* -- evidence (for recall/) -------------------------------------------------- */

/* One rehearsal, one recalling together, one judgement, with the features of
 * the hit if it was one (n bytes as in engram-formats(5)).  *written is false
 * where the own series said the same within the hour.  ENGRAM_ENOID. */
/* 0 where all of them live. */
int eng_writer_knows(struct engram_writer *w, const struct engram_judgement *judged, size_t n,
                     struct engram_error *err);
int eng_writer_use(struct engram_writer *w, bool *written, const struct engram_id *id, struct engram_error *err);
int eng_writer_together(struct engram_writer *w, bool *written, const struct engram_id *a, const struct engram_id *b,
                        struct engram_error *err);
int eng_writer_judge(struct engram_writer *w, bool *written, const struct engram_id *id, bool useful,
                     const void *features, size_t n, struct engram_error *err);

/* -- vectors made later (for consolidate/) --------------------------------- */

/* States a vector (m->has is VECTOR) of the text with this XXH3-64: 1, or 0 where
 * the memory is gone or shows another text by now.  Durable after commit; until
 * then no memory may be given twice: drafts are not looked at. */
int eng_writer_vector(struct engram_writer *w, const struct engram_id *id, uint64_t made_of,
                      const struct engram_memory *m, struct engram_error *err);

/* engram_export of those memories that `accept` takes; of others only what the
 * state says is read. */
typedef bool eng_accept_fn(void *data, const struct eng_reading *r);
int eng_space_export(struct engram_space *space, eng_accept_fn *accept, engram_memory_fn *fn, void *data,
                     struct engram_error *err);

/* -- replication (for home/, which lends it to sync/) ------------------------- */

/* Frames of other stores come in and ours go out through one of these; `take`:
 * the space was opened for writing and frames may be received. */
struct eng_exchange;
int eng_exchange_open(struct eng_exchange **x, struct engram_space *space, bool take, struct engram_error *err);
void eng_exchange_close(struct eng_exchange *x); /* what was received and not flushed is not durable; NULL allowed */

/* No series has a frame: the space may take another's id (engram_space_adopt). */
int eng_exchange_empty(struct eng_exchange *x, bool *empty, struct engram_error *err);

/* Durable and contiguous, of every series with a frame; ascending by series, valid
 * until the next call of the same function. */
int eng_exchange_received(struct eng_exchange *x, const struct eng_position **out, size_t *n, struct engram_error *err);
/* Of the frames behind what may be applied, stubs without a forget. */
int eng_exchange_wanted(struct eng_exchange *x, const struct eng_position **stubs, size_t *n, struct engram_error *err);

/* See the functions of struct eng_sync_store in sync/sync.h, which these serve. */
int eng_exchange_check_at(struct eng_exchange *x, uint32_t *header_check, const struct eng_series *series,
                          uint64_t seq, struct engram_error *err);
int eng_exchange_read(struct eng_exchange *x, struct eng_buf *out, size_t *n, const struct eng_series *series,
                      uint64_t after, uint64_t upto, size_t max_bytes, struct engram_error *err);
enum { ENG_EXCHANGE_FORKED = 1 };
int eng_exchange_receive(struct eng_exchange *x, uint64_t *taken, const struct eng_series *series,
                         const uint8_t *frames, size_t n, struct engram_error *err);
int eng_exchange_flush(struct eng_exchange *x, struct engram_error *err);
/* After frames came, so many and of so many bytes: applies all that waits if it is as much
 * as a bulk writer applies at once, or readers would look through it each time.  What
 * came is durable whatever becomes of that. */
void eng_exchange_take_in(struct eng_exchange *x, uint64_t frames, uint64_t bytes);
/* Forks that this store knows of, ascending: the series as frames name it, and the
 * first frame that was written twice; valid until the next call.  Frames from there
 * on lie in branches, which the other functions deal with as series. */
int eng_exchange_forks(struct eng_exchange *x, const struct eng_dot **out, size_t *n, struct engram_error *err);
/* A fork was found (both checks) or told (zeros): what is here becomes a branch.
 * The series may be named by a branch of it. */
int eng_exchange_forked(struct eng_exchange *x, const struct eng_dot *fork, uint32_t mine, uint32_t theirs,
                        struct engram_error *err);
int eng_exchange_mend(struct eng_exchange *x, const uint8_t *frame, size_t n, struct engram_error *err);

/* What is read from the received frames.  Applied: the greatest prefix of them that
 * ends before every held frame, every stub whose forget it does not contain and
 * every critical frame of an unknown kind, but never below what the state has. */
struct eng_standing {
	const struct eng_position *applied; /* ascending by series; valid until the next call */
	size_t napplied;
	uint64_t held;      /* received frames behind it */
	uint8_t digest[16]; /* of the state at it */
};
/* Applies what can be applied, then tells, all of one moment: a digest beside the
 * vector of another would be taken for damage. */
int eng_exchange_standing(struct eng_exchange *x, struct eng_standing *out, struct engram_error *err);
int eng_exchange_buckets(struct eng_exchange *x, eng_u128 sums[4096], struct engram_error *err);
/* Calls back the items of one bucket with what they contribute, ascending by id. */
int eng_exchange_items(struct eng_exchange *x, unsigned bucket,
                       int (*fn)(void *data, const struct engram_id *id, eng_u128 sum), void *data,
                       struct engram_error *err);

/* Says that nobody will write the series again; the own one is closed.  *written is
 * false where that was said before.  ENGRAM_ENOFILE: it is not here. */
int eng_space_retire(struct engram_space *space, bool *written, const struct eng_series *series,
                     struct engram_error *err);

/* -- maintenance (for consolidate/) -------------------------------------- */

struct eng_job {
	bool dry_run;
	struct engram_report *report;
	engram_progress_fn *progress;
	void *data;
	/* For a graph to be built, asked for when there is one; none, or NULL: the caller alone. */
	const struct eng_workers *(*workers)(void *data);
};
/* How many frames to take in: none if fewer than `least` wait, and no more than
 * `most` of them. */
struct eng_range {
	uint64_t least, most;
};
static const struct eng_range eng_all_frames = {1, UINT64_MAX};
/* Takes what waits into the state, then into the text view.  wait = false: only
 * if the lock is free (else 0 and nothing done). */
int eng_space_apply(struct engram_space *space, const struct eng_job *job, struct eng_range frames, bool wait,
                    struct engram_error *err);
/* Log, state, text view; derived differences are counted and named in the
 * report, damage of the log is ENGRAM_EDAMAGED. */
int eng_space_check(struct engram_space *space, const struct eng_job *job, struct engram_error *err);
/* New generation from the log alone. */
int eng_space_rebuild(struct engram_space *space, const struct eng_job *job, struct engram_error *err);
/* Whether the bytes of something forgotten are still there. */
int eng_space_unpurged(struct engram_space *space, bool *any, struct engram_error *err);
/* Forgotten bytes: state, text, stubs in the log, new generation. */
int eng_space_compact(struct engram_space *space, const struct eng_job *job, struct engram_error *err);
/* Takes rows into graphs: a new view file, then one short transaction.  What waits in
 * the log is applied first.  Stores go on meanwhile; ENGRAM_EBUSY names another run.
 * A view file that cannot be used: everything derived is made anew from the log. */
enum eng_fold_when {
	ENG_FOLD_DUE,  /* identities whose unfolded rows are many (fold.c) */
	ENG_FOLD_ANY,  /* all that have a graph, or rows enough for one */
	ENG_FOLD_ANEW, /* the same, with nothing kept of the graphs there are */
	ENG_FOLD_ALL,  /* however few: for tests, to which a graph of a dozen nodes tells enough */
	ENG_FOLD_GONE, /* those with a node whose memory is gone: before bytes are purged */
};
int eng_space_fold(struct engram_space *space, const struct eng_job *job, enum eng_fold_when when,
                   struct engram_error *err);
int eng_space_warm(struct engram_space *space, const struct eng_job *job, struct engram_error *err);
/* The state digest of everything written, applied or not: equal sets of frames,
 * equal digests. */
int eng_space_digest(struct engram_space *space, uint8_t digest[16], struct engram_error *err);
/* memories, held and digest of this moment, applied or not. */
int eng_space_figures(struct engram_space *space, struct engram_report *out, struct engram_error *err);
/* Writes down what a run came to, under the apply lock; ended_us and upto_us are
 * filled in.  Nothing where there is no state. */
int eng_space_note_run(struct engram_space *space, struct engram_run *run, struct engram_error *err);
const struct eng_sys *eng_space_sys(const struct engram_space *space);
int64_t eng_space_mono_us(const struct engram_space *space);
/* Another one for each handle, never 0; it takes no random number, since those of a
 * run that is to be repeated (ENGRAM_SEED) are the same in every process. */
uint64_t eng_space_nonce(const struct engram_space *space);
/* Of what digests stand for: they compare only between programs that agree in it. */
uint32_t eng_space_state_version(void);

#endif
