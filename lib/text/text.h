/* text.h - words, the hash/1 embedder, BM25, and the FTS5 view.
 *
 * One tokenizer serves all: what FTS5 indexes, what document frequencies
 * count, what raw frames are scored with.  It is frozen: folding and
 * classes come from tables in this tree, never from the C library's locale.
 * A change of any output byte is a new version of the embedder and of
 * ENG_TEXT_VERSION (the text view is then rebuilt). */
#ifndef ENG_TEXT_TEXT_H
#define ENG_TEXT_TEXT_H

#include "base/buf.h"
#include "base/vec.h"
#include "sql/sql.h"

#define ENG_TEXT_VERSION 1u

/* -- words (words.c) ----------------------------------------------------- */

#define ENG_WORD_MAX 64 /* bytes of a folded word; a longer one goes on as a next word */

struct eng_word {
	const char *fold; /* folded: lower case, accents off where the table says */
	size_t nfold;
	const char *stem; /* what is indexed and counted */
	size_t nstem;
	size_t start, end; /* in the text */
	bool stop;         /* one of the frozen stop words */
	uint8_t weight;    /* of a frozen list of common words; 255 = not on it */
	struct eng_lexeme *known; /* private to text/ */
};
/* Pointers are valid during the call; non-zero ends the walk. */
typedef int eng_word_fn(void *data, const struct eng_word *w);
int eng_words(const char *text, size_t n, eng_word_fn *fn, void *data);

/* Key of a stem in the document frequency table. */
uint64_t eng_stem_hash(const char *stem, size_t n);

/* The distinct stems of a text with their counts, and its length in tokens. */
struct eng_stem_count {
	uint64_t stem;
	uint32_t count;
};
struct eng_terms {
	struct eng_stem_count *at; /* ascending stem */
	size_t n, cap;
	uint32_t tokens; /* indexed tokens, repeats counted */
};
int eng_terms_of(struct eng_terms *t, const char *text, size_t n); /* reuses memory; 0 or ENGRAM_ENOMEM */
void eng_terms_free(struct eng_terms *t);

/* -- rarity -------------------------------------------------------------- */

/* Asks for the document frequency of a stem in the whole local store, what is
 * not applied included. */
struct eng_corpus {
	uint32_t (*df)(void *ctx, uint64_t stem);
	void *ctx;
	uint64_t docs;   /* documents */
	uint64_t tokens; /* in all of them */
};

/* log2((docs - df + 0.5) / (df + 0.5) + 1) in Q16, by integer table.  `docs` is
 * raised by a few documents that hold none of the words: in a store of three
 * memories a word that one of them has is rare all the same, and with the bare
 * count "cell" would weigh a tenth of a word that nobody stored. */
#define ENG_PRIOR_DOCS 16u
uint32_t eng_idf_q16(uint64_t docs, uint64_t df);

/* -- hash/1 (hash1.c) ---------------------------------------------------- */

#define ENG_HASH1_NAME "hash/1/512/i8"
#define ENG_HASH1_DIM 512u

/* A spelling-tolerant lexical vector: folded words and stems, boundary-marked
 * 3- to 5-grams; integers only.  False (zero row) for a text without words.
 * `corpus` NULL = a document (fixed weights); else a query: each word is
 * weighted by its rarity in the local store. */
bool eng_hash1(int8_t codes[ENG_HASH1_DIM], const char *text, size_t n, const struct eng_corpus *corpus);

/* The n-grams of three letters of a text's words, word ends marked; and whether two
 * texts have one in common.  Where they have not, a likeness of their vectors is chance. */
struct eng_grams {
	uint64_t *at; /* ascending */
	size_t n, cap;
};
int eng_grams_of(struct eng_grams *g, const char *text, size_t n); /* reuses memory; 0 or ENGRAM_ENOMEM */
bool eng_grams_meet(const struct eng_grams *a, const struct eng_grams *b);
void eng_grams_free(struct eng_grams *g);

/* Remembers what was made of words, for whoever reads many texts (lexicon.c). */
struct eng_lexicon;
/* For about so many texts; NULL when out of memory. */
struct eng_lexicon *eng_lexicon_new(size_t texts);
void eng_lexicon_free(struct eng_lexicon *l);

/* What the stores need of a text, from one pass over its words. */
struct eng_document {
	struct eng_terms terms;
	int8_t codes[ENG_HASH1_DIM];
	bool row; /* there is a vector */
	struct eng_buf stems; /* what eng_fts_add_stems takes */
};
/* Reuses memory; the lexicon may be NULL.  0 or ENGRAM_ENOMEM. */
int eng_document(struct eng_document *d, struct eng_lexicon *l, const char *text, size_t n);
void eng_document_free(struct eng_document *d);

/* -- queries and BM25 (query.c) ------------------------------------------ */

#define ENG_QUERY_TERMS_MAX 64
#define ENG_QUERY_WORDS_MAX 4096 /* words of a cue that are looked at */

struct eng_query_term {
	char stem[ENG_WORD_MAX];
	size_t n;
	uint64_t hash;
	uint32_t idf_q16;
	uint64_t df;
};
struct eng_query {
	struct eng_query_term terms[ENG_QUERY_TERMS_MAX]; /* distinct, rarest first; the rarest if too many */
	size_t n;
	uint64_t docs, tokens; /* of the corpus, for the average length */
	uint64_t rarity_q16;   /* sum of idf of all terms: what could be matched */
};
/* Stop words are dropped unless nothing else remains. */
void eng_query_parse(struct eng_query *q, const char *text, size_t n, const struct eng_corpus *corpus);

/* BM25 in Q16 (k1 1.2, b 0.75), integers only: tf[i] of each term, length in tokens. */
int64_t eng_bm25(const struct eng_query *q, const uint32_t *tf, uint32_t tokens);
/* The same of a text that no index holds; *matched_q16 = idf sum of the terms met. */
int64_t eng_bm25_text(const struct eng_query *q, const struct eng_terms *t, uint64_t *matched_q16);

/* -- the FTS5 view (fts.c) ----------------------------------------------- */

struct eng_fts;

/* `build` names the state this view belongs to; a file that names another, or
 * another ENG_TEXT_VERSION, or is damaged, is ENGRAM_EVERSION: ignore it, and
 * (as its writer, under the apply lock) remove and rebuild it.  A reader of
 * a file whose -wal or -shm is missing: ENGRAM_ENOFILE, unless immutable. */
int eng_fts_open(struct eng_fts **f, const char *path, unsigned sql_flags, const uint8_t build[16],
                 struct engram_error *err);
void eng_fts_close(struct eng_fts *f); /* NULL allowed */

/* The caller's bytes stored with the last commit (0 bytes in a new view).  What
 * a reader sees from then on is of that moment, until the next call of this
 * or of eng_fts_idle.  An error other than ENOMEM: do not use the view. */
int eng_fts_watermark(struct eng_fts *f, struct eng_buf *out, struct engram_error *err);

/* A reader gives up its moment, so that the writer's -wal need not grow for it. */
void eng_fts_idle(struct eng_fts *f);

int eng_fts_begin(struct eng_fts *f, struct engram_error *err);
int eng_fts_add(struct eng_fts *f, uint32_t doc, const char *text, size_t n, struct engram_error *err);
/* The same where the text's words are at hand: its stems, a blank behind each. */
int eng_fts_add_stems(struct eng_fts *f, uint32_t doc, struct engram_str stems, uint32_t tokens,
                      struct engram_error *err);
/* A contentless index needs the text that was added. */
int eng_fts_remove(struct eng_fts *f, uint32_t doc, const char *text, size_t n, struct engram_error *err);
int eng_fts_commit(struct eng_fts *f, const void *watermark, size_t n, struct engram_error *err);
void eng_fts_rollback(struct eng_fts *f);
/* Removes deleted words from the file's bytes: 'optimize', then a truncating checkpoint. */
int eng_fts_purge(struct eng_fts *f, struct engram_error *err);

struct eng_text_hit {
	uint32_t doc;
	int64_t bm25;
};

/* The best hits of several sources, in the caller's array: a heap until it is
 * sorted.  Order: bm25 descending, then by `order` (<0: a comes first), NULL: doc
 * ascending. */
struct eng_top {
	struct eng_text_hit *hits;
	size_t n, max;
	int (*order)(void *ctx, uint32_t a, uint32_t b);
	void *ctx;
};
/* True where push would keep it: ask before paying for a filter. */
bool eng_top_takes(const struct eng_top *top, const struct eng_text_hit *hit);
void eng_top_push(struct eng_top *top, const struct eng_text_hit *hit);
void eng_top_sort(struct eng_top *top); /* best first; no push after it */

struct eng_text_filter {
	bool (*accept)(void *ctx, uint32_t doc); /* NULL = all; asked only of what would be kept */
	void *ctx;
};

/* Pushes the documents that match any term of q and pass the filter (NULL =
 * all).  `also` (ascending doc, may be NULL) are documents whose bm25 is
 * wanted whether or not they are among the best: it is filled in for those
 * that match, without asking the filter. */
int eng_fts_search(struct eng_fts *f, struct eng_top *top, struct eng_text_hit *also, size_t nalso,
                   const struct eng_query *q, const struct eng_text_filter *filter, struct engram_error *err);
/* Whether SQLite finds its own structures sound: ENGRAM_EDAMAGED says where not. */
int eng_fts_check(struct eng_fts *f, struct engram_error *err);
/* Compares the view with the state: calls back for every doc it holds, ascending. */
int eng_fts_docs(struct eng_fts *f, int (*fn)(void *ctx, uint32_t doc), void *ctx, struct engram_error *err);

#endif
