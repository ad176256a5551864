/* engram.h - the public interface of libengramcore.
 *
 * A memory is a text (and optionally a vector), with a confidence, times and
 * provenance, kept in a *space*.  A space is a directory: a log of frames,
 * which is the truth, and files derived from it that may be thrown away.
 *
 *     struct engram_home *home;     which directory
 *     struct engram_space *space;   which memories
 *     struct engram_writer *w;      put, forget, revise; commit = durable
 *     engram_recall()               cue in, ranked hits out
 *     engram_consolidate()          apply, fold, check, rebuild, compact, warm
 *
 * Conventions, for every function below:
 *  - arguments are: handle, outputs, inputs, and last `struct engram_error *`
 *    (may be NULL).  A length follows its array, data follows its callback.
 *  - the result is 0 or a negative ENGRAM_E code; on failure outputs are
 *    untouched and the error says what, where, wanted and found.
 *  - a handle belongs to the thread that uses it: no handle may be used by
 *    two threads at once; different handles, also of one space, may.
 *    A handle may not be used after fork() in the child: it answers
 *    ENGRAM_EUSAGE.
 *  - times are microseconds since 1970-01-01 UTC, confidences are integers in
 *    1/10,000, scores are integers as stated.  No floating point decides.
 *  - the library never prints, never exits, never changes the locale or a
 *    signal handler.
 */
#ifndef ENGRAM_H
#define ENGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ENGRAM_API __attribute__((visibility("default")))
#else
#define ENGRAM_API
#endif

/* ------------------------------------------------------------------ errors */

/* X(NAME, number, exit status of a program, machine code, retry, text)
 * The one list of what can go wrong.  Exit statuses are those of engram(7).
 * `retry` is true where doing the same again later may succeed. */
#define ENGRAM_ERRORS(X) \
	X(EUSAGE, -1, 2, "usage", false, "invalid argument") \
	X(EINPUT, -2, 65, "bad-input", false, "input data bad") \
	X(EAMBIGUOUS, -3, 65, "ambiguous-id", false, "id prefix is ambiguous") \
	X(ENOSPACE, -4, 66, "no-space", false, "no such space") \
	X(ENOID, -5, 66, "no-id", false, "no such memory") \
	X(ENOFILE, -6, 66, "no-file", false, "no such file") \
	X(EUNAVAILABLE, -7, 69, "unavailable", true, "helper unavailable") \
	X(EDAMAGED, -8, 70, "damaged", false, "store damaged") \
	X(EINTERNAL, -9, 70, "internal", false, "internal inconsistency") \
	X(EEXISTS, -10, 73, "exists", false, "already exists") \
	X(ECREATE, -11, 73, "cannot-create", false, "cannot create") \
	X(EIO, -12, 74, "io", false, "input/output error") \
	X(EDISKFULL, -13, 74, "disk-full", true, "disk full") \
	X(EBUSY, -14, 75, "busy", true, "busy") \
	X(ELIMIT, -15, 75, "limit", true, "limit reached") \
	X(ENOMEM, -16, 75, "no-memory", true, "out of memory") \
	X(EVERSION, -17, 76, "version", false, "version not understood") \
	X(EPERM, -18, 77, "permission", false, "permission denied") \
	X(ECONFIG, -19, 78, "config", false, "configuration wrong") \
	X(ECLOCK, -20, 78, "clock", false, "clock behind the store")

enum engram_code {
	ENGRAM_OK = 0,
#define X(name, number, exit, code, retry, text) ENGRAM_##name = number,
	ENGRAM_ERRORS(X)
#undef X
};

/* What went wrong.  Start with zeros; reusable.  Filled by the failing call. */
struct engram_error {
	int code;           /* ENGRAM_E..., 0 = none */
	int os;             /* errno behind it, 0 = none */
	char object[128];   /* the thing concerned: a name, id, path; "" = none */
	char message[512];  /* "what: wanted, found", no newline */
	char hint[192];     /* what to do about it; "" = none */
};

ENGRAM_API const char *engram_code_name(int code); /* "no-space"; static */
ENGRAM_API const char *engram_code_text(int code); /* "no such space"; static */
ENGRAM_API int engram_code_exit(int code);         /* 66 */
ENGRAM_API bool engram_code_retry(int code);

/* "engram 0.1.0"; static. */
ENGRAM_API const char *engram_version(void);
/* "LMDB 0.9.24, SQLite 3.40.1": what is found at run time; loads SQLite. */
#define ENGRAM_LIBRARIES_TEXT 80
ENGRAM_API void engram_libraries(char out[ENGRAM_LIBRARIES_TEXT]);

/* --------------------------------------------------------------- ids, text */

/* 128 bits; ordered bytewise.  Printed as 26 Crockford base-32 characters,
 * lower case, most significant first (the first character carries 3 bits). */
struct engram_id {
	uint8_t b[16];
};

#define ENGRAM_ID_TEXT 26
#define ENGRAM_ID_PREFIX_MIN 4

/* Writes 26 characters and a NUL. */
ENGRAM_API void engram_id_format(char out[ENGRAM_ID_TEXT + 1], const struct engram_id *id);

/* Bytes with a length; p NULL = absent (which is not the same as empty). */
struct engram_str {
	const char *p;
	size_t n;
};

/* ------------------------------------------------------------------ limits */

#define ENGRAM_TEXT_MAX (1u << 20)  /* bytes of one memory's text */
#define ENGRAM_FIELD_MAX 4096u      /* key, source, actor, a tag */
#define ENGRAM_META_MAX 65536u      /* meta, a JSON object */
#define ENGRAM_TAGS_MAX 255u
#define ENGRAM_RELATION_MAX 64u     /* bytes of a link's relation: [a-z0-9._-] */
#define ENGRAM_DIM_MIN 2u
#define ENGRAM_DIM_MAX 4096u
#define ENGRAM_SPACE_NAME_MAX 64u   /* [a-z0-9._-], first a letter or digit */
#define ENGRAM_CONFIDENCE_ONE 10000u
#define ENGRAM_SERIES_TEXT 32u      /* characters of the name of a series */

/* ---------------------------------------------------------------- memories */

enum engram_kind {
	ENGRAM_EPISODE = 1,
	ENGRAM_CONCEPT = 2,
};

/* Which fields of a memory are stated.  A field that is not stated is absent:
 * it is neither hashed into the id nor logged, whatever its value below. */
enum engram_field {
	ENGRAM_TEXT = 1u << 0,
	ENGRAM_KEY = 1u << 1,
	ENGRAM_CONFIDENCE = 1u << 2,
	ENGRAM_OCCURRED = 1u << 3,
	ENGRAM_VALID_UNTIL = 1u << 4,
	ENGRAM_SOURCE = 1u << 5,
	ENGRAM_ACTOR = 1u << 6,
	ENGRAM_META = 1u << 7,
	ENGRAM_TAGS = 1u << 8,
	ENGRAM_VECTOR = 1u << 9,
	ENGRAM_STORED = 1u << 10, /* in: the time to keep (import --preserve) */
	ENGRAM_ID = 1u << 11,     /* in: the id to keep (import --adopt) */
	ENGRAM_KIND = 1u << 12,
	ENGRAM_LINKS = 1u << 13,
};

/* That one memory leads to another.  What several stores say of the same link
 * (from, to, relation) is kept apart and read together. */
struct engram_link {
	struct engram_id to;
	struct engram_str key;      /* in: the key of the memory meant; where it is given, `to` is not read */
	struct engram_str relation; /* absent = just related */
	uint32_t weight;            /* how strong, 0..10,000; 0 = this store takes its statement back */
	uint32_t confidence;        /* how sure, 1..10,000 */
};
/* Weight and confidence 1, everything else absent. */
ENGRAM_API void engram_link_init(struct engram_link *link);

struct engram_memory {
	struct engram_id id;
	unsigned has;              /* enum engram_field, or'ed */
	enum engram_kind kind;
	struct engram_str text;    /* UTF-8, <= ENGRAM_TEXT_MAX */
	struct engram_str key;     /* the caller's own name for it */
	struct engram_str source;
	struct engram_str actor;
	struct engram_str meta;    /* a JSON object, bytes kept as given */
	const struct engram_str *tags; /* sorted, no duplicates, on output */
	size_t ntags;
	uint32_t confidence;       /* as given, 0..10,000 */
	int64_t occurred_us;
	int64_t valid_until_us;
	int64_t stored_us;
	const float *vector;       /* dim numbers, finite, not all zero */
	size_t dim;
	struct engram_str embedder; /* identity of the vector, name/version/dim/type */
	/* in: stated beside those that are there already; out: those whose ends
	 * both live, by (to, relation) */
	const struct engram_link *links;
	size_t nlinks;
	/* What others say of this memory who had not seen the value that is shown:
	 * newest first, each the fields that one of them states (none need be a
	 * text).  `cleared` (enum engram_field, or'ed): those that it took away. */
	const struct engram_memory *conflicts;
	size_t nconflicts;
	unsigned cleared;
	/* out: the same field by field */
	const struct engram_claim *claims;
	size_t nclaims;
};

/* What is said of one field that is in conflict.  Of each field first the claim
 * that counts, then the others, newest first; different values only. */
struct engram_claim {
	enum engram_field field;
	const struct engram_memory *value;      /* states this field; or took it away: has 0 */
	int64_t stored_us;                      /* when it was said; INT64_MIN = nobody said it */
	char series[ENGRAM_SERIES_TEXT + 1];    /* the log that says so, by its directory; "" = none */
};

/* -------------------------------------------------------------------- home */

struct engram_home;
struct engram_space;

/* Opens the home at `path`; NULL = $ENGRAM_HOME, else $XDG_DATA_HOME/engram,
 * else $HOME/.local/share/engram.  Creates nothing: a home that does not
 * exist has no spaces.  ECONFIG where no path can be made out. */
ENGRAM_API int engram_home_open(struct engram_home **home, const char *path, struct engram_error *err);
ENGRAM_API void engram_home_close(struct engram_home *home); /* NULL allowed */

/* The absolute path; valid as long as the home. */
ENGRAM_API const char *engram_home_path(const struct engram_home *home);

/* Names of the spaces, sorted bytewise.  *names is one allocation for
 * engram_free(); an empty home has n = 0 and *names NULL. */
ENGRAM_API int engram_home_spaces(struct engram_home *home, const char ***names, size_t *n,
                                  struct engram_error *err);

/* Frees what the library allocated for the caller where it says so. */
ENGRAM_API void engram_free(void *p);

enum engram_open_flags {
	ENGRAM_READ = 0,         /* creates no file, changes no byte but reader slots */
	ENGRAM_WRITE = 1u << 0,  /* will append */
	ENGRAM_CREATE = 1u << 1, /* make it if it is not there (implies WRITE) */
	ENGRAM_NEW_SERIES = 1u << 2, /* close this store's series and begin a new one */
};

/* Opens a space by name.  ENOSPACE where it is not there; the hint names the
 * nearest one.  wait_ms: how long to wait for locks (0 = not at all) before
 * EBUSY, for this and for every later call on the handle. */
ENGRAM_API int engram_space_open(struct engram_space **space, struct engram_home *home, const char *name,
                                 unsigned flags, unsigned wait_ms, struct engram_error *err);
ENGRAM_API void engram_space_close(struct engram_space *space); /* NULL allowed */

/* Lines the caller should show a person, e.g. "this store is a copy: began a
 * new series".  Called at once, during the call that finds it out. */
typedef void engram_notice_fn(void *data, const char *line);
ENGRAM_API void engram_home_notice(struct engram_home *home, engram_notice_fn *notice, void *data);

struct engram_space_info {
	char name[ENGRAM_SPACE_NAME_MAX + 1];
	struct engram_id id;
	int64_t created_us;
	uint64_t memories;   /* live, counting what is not applied yet */
	uint64_t frames;     /* durable frames of all series */
	uint64_t unapplied;  /* of these not yet in the state */
	uint64_t log_bytes;
	uint64_t derived_bytes;
};
/* Name, id and time of making only, which need nothing but the `space` file. */
ENGRAM_API int engram_space_identity(struct engram_space *space, struct engram_space_info *out,
                                     struct engram_error *err);
ENGRAM_API int engram_space_info(struct engram_space *space, struct engram_space_info *out,
                                 struct engram_error *err);

/* Removes a space and all it holds, at once and for good.  EBUSY names the
 * holder when it is in use. */
ENGRAM_API int engram_space_drop(struct engram_home *home, const char *name, unsigned wait_ms,
                                 struct engram_error *err);

/* The space's id, replaced: only for an empty space, by import --adopt. */
ENGRAM_API int engram_space_adopt(struct engram_space *space, const struct engram_id *id, int64_t created_us,
                                  struct engram_error *err);

/* ---------------------------------------------------------------- settings */

/* What config.toml and the environment say; engram-config(5) has the keys. */
struct engram_config;

struct engram_setting {
	const char *key;      /* "recall.min_confidence" */
	const char *range;    /* "a number 0..1" */
	const char *help;     /* what it does */
	const char *variable; /* of the environment; NULL = none */
	const char *value;    /* as text; NULL = not set, and there is no default */
	const char *origin;   /* "default", "ENGRAM_WAIT", "/home/ada/.config/engram/config.toml:3" */
	uint64_t number;      /* 1/10,000; milliseconds; place of a word; 0 or 1; how many texts */
	bool later;           /* taken, but no program asks for it yet */
};

/* Reads `file` and no other; NULL = $ENGRAM_CONFIG, else the files of the
 * system, the user, the home (a path; may be NULL) and the project.  ECONFIG
 * names file, line and column; ENOFILE where a named file is not there. */
ENGRAM_API int engram_config_open(struct engram_config **config, const char *file, const char *home,
                                  struct engram_error *err);
ENGRAM_API void engram_config_close(struct engram_config *config); /* NULL allowed */
/* Valid until the close; NULL where there is no such key, or none at i. */
ENGRAM_API const struct engram_setting *engram_config_get(const struct engram_config *config, const char *key);
ENGRAM_API const struct engram_setting *engram_config_at(const struct engram_config *config, size_t i);

/* ----------------------------------------------------------------- writing */

struct engram_writer;

enum engram_write_flags {
	ENGRAM_BULK = 1u << 0, /* compare with what is stored: an equal memory is
	                        * *known* and not written again (import) */
	ENGRAM_TEXT_LATER = 1u << 1, /* leave the text view as it is; what it
	                        * lacks is searched directly until a maintenance
	                        * run, or later writers bit by bit, take it in */
};

enum engram_put_result {
	ENGRAM_STORED_NEW = 1, /* a frame was appended; durable after commit */
	ENGRAM_KNOWN = 2,      /* equal memory already there; nothing written */
};

/* Needs a space opened with WRITE.  EPERM where the space is not the
 * effective user's; ECLOCK where the last stamp is over 24 h ahead. */
ENGRAM_API int engram_writer_open(struct engram_writer **w, struct engram_space *space, unsigned flags,
                                  struct engram_error *err);

/* What a put would refuse in the memory by itself: 0, or EINPUT that names the
 * field.  Needs no space and changes nothing. */
ENGRAM_API int engram_check(const struct engram_memory *m, struct engram_error *err);

/* Appends one memory.  *id is its id, *put says what happened.  EINPUT names
 * the field that is not acceptable; nothing was written then.  m->conflicts,
 * newest first, are stored as siblings of it (needs ID or KEY): what a get or an
 * export gave can be put back. */
ENGRAM_API int engram_put(struct engram_writer *w, struct engram_id *id, enum engram_put_result *put,
                          const struct engram_memory *m, struct engram_error *err);

/* Whether a put to a BULK writer would find m known; a vector that m does not
 * state is not asked for.  Nothing is written. */
ENGRAM_API int engram_known(struct engram_writer *w, bool *known, const struct engram_memory *m,
                            struct engram_error *err);

/* Forgets: kills everything stored under these ids up to now, here and, after
 * a sync, everywhere.  An id never seen = ENOID, a forgotten one = 0. */
ENGRAM_API int engram_forget(struct engram_writer *w, const struct engram_id *ids, size_t n,
                             struct engram_error *err);

/* Changes the fields in m->has of the memory `id` (not KEY, ID, STORED);
 * fields in `clear` become absent.  m->tags are added, `untag` removed. */
ENGRAM_API int engram_revise(struct engram_writer *w, const struct engram_id *id, const struct engram_memory *m,
                             unsigned clear, const struct engram_str *untag, size_t nuntag,
                             struct engram_error *err);

/* States that `from` leads to links[i].to, for each of them; neither end need
 * be there yet: a link is shown while both are.  What this store said of the
 * same link before is replaced; KNOWN: it said all of it already.  EINPUT names
 * the link that is not acceptable; nothing was written then. */
ENGRAM_API int engram_link(struct engram_writer *w, enum engram_put_result *put, const struct engram_id *from,
                           const struct engram_link *links, size_t n, struct engram_error *err);

/* Makes everything appended through this writer durable: one flush, shared
 * with every other process that waits.  After 0 it survives a power cut.
 * After an error it may or may not be stored: store again. */
ENGRAM_API int engram_commit(struct engram_writer *w, struct engram_error *err);

/* What is not committed may or may not be stored.  Then applies what waits if
 * enough does and nobody else is at it; never an error.  NULL allowed. */
ENGRAM_API void engram_writer_close(struct engram_writer *w);

/* ----------------------------------------------------------------- reading */

/* Resolves a full id or a unique prefix of >= 4 characters.  ENOID, or
 * EAMBIGUOUS with up to 8 candidates in the message, or EINPUT.  A forgotten
 * id resolves: `gone` (may be NULL) tells. */
ENGRAM_API int engram_resolve(struct engram_space *space, struct engram_id *id, bool *gone, const char *text,
                              struct engram_error *err);

/* Called for each memory; what it points at is valid during the call.  A
 * non-zero result ends the walk and becomes its result. */
typedef int engram_memory_fn(void *data, const struct engram_memory *m);

/* The memories of these ids, in the order given; an id that is not there (or
 * is forgotten) calls back with m NULL. */
ENGRAM_API int engram_get(struct engram_space *space, const struct engram_id *ids, size_t n,
                          engram_memory_fn *fn, void *data, struct engram_error *err);

/* All live memories in id order, as of one moment. */
ENGRAM_API int engram_export(struct engram_space *space, engram_memory_fn *fn, void *data,
                             struct engram_error *err);

/* Those of them that others say something else of: m->conflicts, m->claims. */
ENGRAM_API int engram_conflicts(struct engram_space *space, engram_memory_fn *fn, void *data,
                                struct engram_error *err);

/* As engram_export, of a space whose log is damaged: what can still be read, past the
 * damage.  *lost counts frames and memories that are gone; each gap is one
 * line of the home's notice.  Holds the log in memory. */
ENGRAM_API int engram_salvage(struct engram_space *space, uint64_t *lost, engram_memory_fn *fn, void *data,
                              struct engram_error *err);

/* ------------------------------------------------------------------ recall */

enum engram_mode {
	ENGRAM_HYBRID = 0,
	ENGRAM_VECTOR_ONLY = 1, /* loads no SQLite */
	ENGRAM_TEXT_ONLY = 2,
};

struct engram_cue {
	struct engram_str text;        /* absent and like NULL = newest first */
	const struct engram_id *like;  /* cue is this memory; it is not a hit */
	/* Beside the text, or alone: searched among the vectors of `embedder`; where
	 * that is absent, of the one embedder of this dimension.  NULL = none. */
	const float *vector;
	size_t dim;
	struct engram_str embedder;
	enum engram_mode mode;
	size_t k;                      /* hits at most, 1..10,000 */
	uint32_t min_confidence;       /* 1/10,000; hits below are omitted, counted */
	/* filters; 0 / NULL / INT64_MIN / INT64_MAX = none */
	const struct engram_str *tags; /* all of them */
	size_t ntags;
	enum engram_kind kind;
	struct engram_str source, actor;
	int64_t since_us, until_us;    /* of occurred, else stored; [since, until) */
	bool no_retention;             /* leave age out of the order */
	/* How many vectors a search of the index follows closely; more find more of what
	 * is nearest and take longer.  0 = as many as finds 95 of 100, or more. */
	size_t ef;
	bool exact;                    /* compare every vector, use no index */
	/* INT64_MAX = the present.  Else as the space was at this moment: without
	 * the memories, revisions and rehearsals that came later, ranked by the words of
	 * then; what was forgotten, whenever, is gone for every moment. */
	int64_t as_of_us;
};

/* One term of the score or of the confidence, for --explain. */
struct engram_term {
	const char *name; /* static, e.g. "bm25", "cosine", "rarity", "margin" */
	int32_t value;    /* 1/10,000 */
};
#define ENGRAM_TERMS_MAX 20

enum engram_group {
	ENGRAM_VIVID = 1,         /* met by its own words or likeness, surely */
	ENGRAM_ASSOCIATED = 2,    /* reached over associations */
	ENGRAM_RECONSTRUCTED = 3, /* weakly met; what it says is pieced together */
};

struct engram_hit {
	struct engram_memory memory;
	uint32_t confidence;       /* probability that this is what was asked for */
	uint32_t lo, hi;           /* interval around it */
	uint32_t retention;        /* forgetting curve at the newest stamp; not in confidence */
	int32_t score;             /* what the order goes by, 1/10,000 */
	enum engram_group group;
	struct engram_term why[ENGRAM_TERMS_MAX];
	size_t nwhy;
};

struct engram_result {
	struct engram_hit *hits;   /* score descending, id ascending; newest first without cue */
	size_t n;
	size_t omitted;            /* candidates below min_confidence */
	uint32_t best;             /* confidence of the best omitted one */
	uint64_t text_behind;      /* memories searched by raw scan, not by index */
	bool cued;                 /* false: listed newest first, no confidence */
	/* An embedder whose vectors could not be searched, since the cue has none of
	 * it: its text was compared by words and hash/1.  p NULL = none. */
	struct engram_str unsearched;
	uint64_t compared;         /* vectors that the cue was compared with */
	/* Why the index of vectors could not be read, naming the file: what it holds was
	 * compared by words only.  p NULL = it could, or there is none. */
	struct engram_str problem;
	void *owner;               /* private */
};

/* k 10, hybrid, min_confidence 0.20, no filter. */
ENGRAM_API void engram_cue_init(struct engram_cue *cue);
/* Recalls.  Nothing found is 0 with n = 0.  ENOID for `like`. */
ENGRAM_API int engram_recall(struct engram_space *space, struct engram_result *out,
                             const struct engram_cue *cue, struct engram_error *err);
ENGRAM_API void engram_result_free(struct engram_result *r); /* zeros it; NULL allowed */

/* That a memory was, or was not, what was asked for. */
struct engram_judgement {
	struct engram_id id;
	bool useful;
};
/* Appends what a recall was good for, as evidence; no word of the cue is kept.
 * The hits of `result` (NULL: none) were rehearsed, and the first of them
 * recalled together, but for those judged useless; judged[0..n) become
 * judgements, with the features that their hit was ranked by.  *written = frames
 * appended: what was said within the hour is not said again.  ENOID for a
 * judged one that is not there; nothing was written then. */
ENGRAM_API int engram_learn(struct engram_writer *w, size_t *written, const struct engram_result *result,
                            const struct engram_judgement *judged, size_t n, struct engram_error *err);

/* --------------------------------------------------------------- embedders */

/* A program that makes vectors of texts: a filter, one line in, one line out
 * (engram-formats(5), EMBEDDERS).  It is run by /bin/sh, once a batch. */
struct engram_embedder;

/* `name` is NAME or NAME/VERSION: vectors are kept under it, so that another
 * model needs another one; NULL = one made of the command.  timeout_ms: the longest silence.  Runs nothing yet. */
ENGRAM_API int engram_embedder_open(struct engram_embedder **e, const char *command, const char *name,
                                    unsigned timeout_ms, struct engram_error *err);
ENGRAM_API void engram_embedder_close(struct engram_embedder *e); /* NULL allowed */
ENGRAM_API const char *engram_embedder_name(const struct engram_embedder *e); /* "NAME/VERSION" */
/* "NAME/VERSION/DIMENSION/f32", what memory and cue state as `embedder`; "" as
 * long as nothing was embedded: the first answer tells the dimension. */
ENGRAM_API const char *engram_embedder_identity(const struct engram_embedder *e);
/* How many texts one batch may have; more once the dimension is known. */
ENGRAM_API size_t engram_embedder_batch(const struct engram_embedder *e);

/* One vector of *dim numbers a text, NULL where the program has none for it;
 * valid until the next call.  EUNAVAILABLE: it cannot be run, died, was silent
 * too long, or answered something else than was asked; no vector is given then. */
ENGRAM_API int engram_embed(struct engram_embedder *e, const float *const **vectors, size_t *dim,
                            const struct engram_str *texts, size_t n, struct engram_error *err);

/* ----------------------------------------------------------- consolidation */

/* In the order in which a run does them: check, rebuild or apply, fold, purge and
 * compact, warm.  Every run that applies or rebuilds also removes the bytes of what
 * was forgotten since the last one. */
enum engram_task {
	ENGRAM_APPLY = 1u << 0,   /* take what waits into the state and text view */
	ENGRAM_CHECK = 1u << 1,   /* read every byte; EDAMAGED names the first bad one */
	ENGRAM_REBUILD = 1u << 2, /* derive everything anew from the log */
	ENGRAM_COMPACT = 1u << 3, /* purge forgotten bytes, shrink files */
	ENGRAM_WARM = 1u << 4,    /* read what recall needs into the page cache */
	/* Take vectors into the graphs that recall searches; what waits is applied
	 * first.  The first one: where so many lie beside them that recall feels it. */
	ENGRAM_FOLD = 1u << 5,
	ENGRAM_FOLD_ANY = 1u << 6,  /* however few they are */
	ENGRAM_FOLD_ANEW = 1u << 7, /* and the graphs from nothing: two stores that hold the
	                             * same frames have the same afterwards */
};

struct engram_report {
	uint64_t frames, bytes;       /* read from the log */
	uint64_t applied;             /* frames taken into the state */
	uint64_t held;                /* frames that wait: engram_standing tells why */
	uint64_t memories;            /* live afterwards */
	uint64_t purged;              /* frames turned into stubs */
	uint64_t freed_bytes;
	uint64_t differences;         /* check: derived items that differ from the log */
	char first_difference[160];   /* names it */
	uint64_t lacking;             /* re-embed: texts without a vector of the embedder */
	uint64_t embedded, unembedded; /* of these: stated now; it has none for them */
	uint64_t folded, dropped;     /* fold: vectors taken into graphs; that left them */
	uint64_t indexed, tail;       /* vectors in graphs afterwards; beside them, met by a scan */
	uint8_t digest[16];           /* state digest afterwards */
	uint8_t view_digest[16];      /* of the graphs: equal where the lineages are; zeros: there are none */
	uint8_t lineage[16];          /* of the folds that made them */
	int64_t elapsed_us;
};

/* done/total in the unit of the phase; called at most 20 times a second.
 * Non-zero = stop as soon as it is safe (ELIMIT). */
typedef int engram_progress_fn(void *data, const char *phase, uint64_t done, uint64_t total);

enum engram_numa {
	ENGRAM_NUMA_AUTO = 0, /* workers stay on a node of the machine, where there are several */
	ENGRAM_NUMA_OFF = 1,
};

struct engram_consolidation {
	unsigned tasks;       /* enum engram_task, or'ed */
	bool dry_run;         /* report what would be done, change nothing */
	unsigned threads;     /* that build graphs; 0 = one a processor.  The result is the same */
	enum engram_numa numa;
	int64_t max_time_us;  /* 0 = any; then ELIMIT: what was done stays, the rest is left */
	engram_progress_fn *progress; /* may be NULL; called by this thread only */
	void *data;
};

/* how NULL: apply, and fold where it is due.  *out also tells how far a run came
 * that failed.  A fold that did not finish leaves the graphs that were in use.
 * EBUSY: another run holds the space. */
ENGRAM_API int engram_consolidate(struct engram_space *space, struct engram_report *out,
                                  const struct engram_consolidation *how, struct engram_error *err);

/* The last run that changed anything; tasks 0: none is known of, also since what is
 * derived was made anew. */
struct engram_run {
	unsigned tasks;      /* enum engram_task */
	unsigned threads;
	int code;            /* 0, or ENGRAM_ELIMIT: it was stopped */
	int64_t ended_us;
	int64_t upto_us;     /* stamp of the newest frame that it had seen */
	struct engram_report report;
};
ENGRAM_API int engram_last_run(struct engram_space *space, struct engram_run *out, struct engram_error *err);

/* Gives every live text that has no vector of this embedder one, batch by batch,
 * each durable by itself: a run that was ended anywhere is gone on with by the
 * next.  Vectors of other embedders stay.  Fills lacking, embedded, unembedded and
 * elapsed_us.  EUNAVAILABLE: what was stated before stays. */
ENGRAM_API int engram_reembed(struct engram_space *space, struct engram_report *out,
                              struct engram_embedder *embedder, bool dry_run, engram_progress_fn *progress,
                              void *data, struct engram_error *err);

/* ---------------------------------------- moving frames between two stores */

/* A log is made of *frames*.  The stores of one space give each other the frames
 * that the other lacks, byte for byte; once both hold the same frames they read
 * the same.  A space without a frame takes the id of the space it meets; two that
 * have frames and different ids do not mix (ENGRAM_EINPUT). */

/* How far a store is with one series. */
struct engram_position {
	uint8_t series[16];
	uint64_t seq;   /* of the last frame, from 1 */
	uint32_t check; /* its header_check */
};

/* "SERIES:SEQ:CHECK,...": hexadecimal, decimal, hexadecimal; "0" for n = 0.
 * For engram_free(). */
ENGRAM_API int engram_position_format(char **text, const struct engram_position *at, size_t n,
                                      struct engram_error *err);
/* Ascending by series, for engram_free().  ENGRAM_EUSAGE names the place. */
ENGRAM_API int engram_position_parse(struct engram_position **at, size_t *n, const char *text,
                                     struct engram_error *err);

enum engram_wait {
	ENGRAM_WAIT_CLOCK = 1,   /* stamped by a clock ahead of this one: until it has come near */
	ENGRAM_WAIT_FORGET = 2,  /* a forgotten frame, for the forget; forgetting its memory will do */
	ENGRAM_WAIT_VERSION = 3, /* what must not be passed over, for a program that knows it */
};
/* Received frames of one series that do not count yet. */
struct engram_waiting {
	struct engram_position at; /* the first of them */
	uint64_t frames;           /* it, and what is behind it */
	enum engram_wait wait;
	int64_t until_us;          /* CLOCK */
	bool has_id;
	struct engram_id id;       /* FORGET: of what it was about, where that is told */
};

struct engram_standing {
	struct engram_position *received; /* durable here; ascending by series */
	size_t nreceived;
	struct engram_position *applied; /* what of it counts: all but what is held */
	size_t napplied;
	uint64_t held;      /* frames received that wait: */
	struct engram_waiting *waiting; /* ascending by series */
	size_t nwaiting;
	uint8_t (*retired)[16]; /* series that nobody will write again; ascending */
	size_t nretired;
	uint8_t digest[16]; /* of the state at `applied`: equal sets, equal digests */
};
ENGRAM_API int engram_standing(struct engram_space *space, struct engram_standing *out, struct engram_error *err);
ENGRAM_API void engram_standing_free(struct engram_standing *s); /* zeros it; NULL allowed */

enum engram_sync_flags {
	ENGRAM_GIVE = 1u << 0, /* the peer may have our frames */
	ENGRAM_TAKE = 1u << 1, /* we take the peer's: the space was opened with WRITE */
};

struct engram_sync_options {
	unsigned flags;        /* enum engram_sync_flags */
	unsigned timeout_ms;   /* the longest silence of the peer; 0 = any */
	engram_progress_fn *progress; /* "frames" moved so far; may be NULL */
	void *data;
	const struct engram_position *after; /* send: what the reader has; ascending */
	size_t nafter;
};

struct engram_sync_report {
	uint64_t frames_sent, frame_bytes_sent;
	uint64_t frames_received, frame_bytes_received; /* new here */
	uint64_t frames_known;      /* came, and were here */
	uint64_t frames_due_out, frames_due_in; /* what the positions of both let expect */
	uint64_t bytes_out, bytes_in; /* of the conversation, all of it */
	uint64_t series_sent, series_received;
	uint64_t forks;             /* series that two stores went on with, found now */
	uint64_t mended;            /* stubs whose forget never came, replaced */
	uint64_t held, peer_held;   /* frames that wait */
	bool adopted;               /* this space took the peer's id */
	bool compared;              /* state digests, at equal positions */
	bool equal;
	uint8_t digest[16];         /* where compared */
	int64_t durable_us;         /* until what came was durable; a receive may apply it then */
	int64_t elapsed_us;
};

/* One session; whatever came whole is durable, also where it fails: then *out says
 * how far it came, and the next session goes on there.  ENGRAM_EUNAVAILABLE: the
 * peer cannot be reached, went away, was silent for too long or speaks something
 * else; ENGRAM_EINPUT: a frame is not acceptable, or another space;
 * ENGRAM_EVERSION; ENGRAM_EINTERNAL: the same frames, another state, and the first
 * item that differs. */

/* With whoever speaks at the other ends of two descriptors; the caller's remain. */
ENGRAM_API int engram_sync(struct engram_space *space, struct engram_sync_report *out,
                           const struct engram_sync_options *o, int in, int outward, struct engram_error *err);
/* With a command, run by /bin/sh, that speaks on its standard input and output. */
ENGRAM_API int engram_sync_command(struct engram_space *space, struct engram_sync_report *out,
                                   const struct engram_sync_options *o, const char *command,
                                   struct engram_error *err);
/* With a space of another home. */
ENGRAM_API int engram_sync_space(struct engram_space *space, struct engram_sync_report *out,
                                 const struct engram_sync_options *o, struct engram_space *peer,
                                 struct engram_error *err);
/* One way: what lies behind o->after into a file or pipe; out of one. */
ENGRAM_API int engram_send(struct engram_space *space, struct engram_sync_report *out,
                           const struct engram_sync_options *o, int outward, struct engram_error *err);
ENGRAM_API int engram_receive(struct engram_space *space, struct engram_sync_report *out,
                              const struct engram_sync_options *o, int in, struct engram_error *err);

/* Says that nobody will write a series again: its store is gone, and no peer waits
 * for it.  `series`: 4 or more of its digits; the own one is closed.  *written is
 * false where that was said before.  ENGRAM_ENOFILE, ENGRAM_EAMBIGUOUS. */
ENGRAM_API int engram_retire(struct engram_space *space, bool *written, const char *series,
                             struct engram_error *err);

/* ------------------------------------------------------- looking at the log */

struct engram_frame_ref {
	struct engram_position at;
	uint32_t element; /* 0 = the whole frame, else its i-th element */
};

/* What it points at is valid during the call back. */
struct engram_frame {
	struct engram_position at;
	uint32_t previous;     /* header_check of the frame before it */
	unsigned kind, version;
	const char *kind_name; /* "memory"; NULL: of a later version */
	int64_t time_us;       /* of the stamp, */
	unsigned counter;      /* and what orders those of one millisecond */
	bool critical;
	uint64_t bytes;        /* in the log */
	const struct engram_id *subjects; /* the memories it is about */
	size_t nsubjects;
	const struct engram_frame_ref *refs; /* what it replaces */
	size_t nrefs;
	const struct engram_id *run; /* NULL: of none */
	bool stub;             /* its body was forgotten */
	struct engram_position killer; /* by this frame; check 0 */
	struct engram_str elements; /* of its body, in order, as a JSON array: engram-formats(5) */
};
typedef int engram_frame_fn(void *data, const struct engram_frame *f);

/* Every durable frame behind `after` (ascending; n 0: all), series by series; of
 * those series whose hexadecimal name begins with `series` (NULL: all).  Each is
 * verified.  ENGRAM_EDAMAGED. */
ENGRAM_API int engram_frames(struct engram_space *space, const struct engram_position *after, size_t n,
                             const char *series, engram_frame_fn *fn, void *data, struct engram_error *err);

struct engram_log_report {
	uint64_t series, frames, bytes;
	int64_t elapsed_us;
};
/* Reads every byte of the log: frames, chains, what lies between them.  Nothing
 * derived is looked at.  ENGRAM_EDAMAGED names the first bad byte. */
ENGRAM_API int engram_verify(struct engram_space *space, struct engram_log_report *out,
                             engram_progress_fn *progress, void *data, struct engram_error *err);

#ifdef __cplusplus
}
#endif
#endif
