/* format.c - the bytes of a view file: chunks, records, hashes.
 *
 * One LMDB table.  Each graph has blocks of 1,024 nodes and one value for each
 * layer above 0; behind all of them one value describes the file.
 *
 * A chunk:
 *
 *    0  4 magic "ENGV"       16  4 width: stride, or 72
 *    4  4 kind               20  4 zero
 *    8  4 number             24 24 XXH3-64 of each of three parts
 *   12  4 n                  48    the parts
 *
 *   block  codes n x stride | links n x 32 x 4 | r n x 4, sum n x 4, id n x 16
 *   layer  entries n x 72   | -                | -
 *
 * followed by zeros up to 16,384 bytes, which belong to the last part.  What a
 * block holds of a node lies in one value, because a search that comes to a block
 * needs its codes and its links: one look-up.  A layer is one value however
 * large, because it is searched as one array where it lies.
 *
 * Nothing here depends on when, where or by whom it was written. */
#include "fold/fold_int.h"

#include "base/hash.h"
#include "base/le.h"

#define MAGIC 0x56474e45u
#define UPPER_WIDTH 72u
#define LINKS_WIDTH (4u * ENG_HNSW_LINKS)
#define CHECKS 24u

_Static_assert(sizeof(struct eng_hnsw_upper) == UPPER_WIDTH, "an entry is read in place");
_Static_assert(sizeof(struct engram_id) == 16, "an id is read in place");

const struct eng_table eng_fold_tables[ENG_FOLD_TABLES] = {{"view", true}};

const char *const eng_fold_part_names[][ENG_FOLD_PARTS] = {
	[ENG_FOLD_BLOCK] = {"codes", "links", "norms, sums and ids"},
	[ENG_FOLD_UPPER] = {"entries", "nothing", "padding"},
};

/* -- chunks ---------------------------------------------------------------------- */

void eng_fold_layout(struct eng_fold_layout *out, const struct eng_fold_chunk *c)
{
	const size_t n = c->n, links = c->kind == ENG_FOLD_BLOCK ? LINKS_WIDTH : 0;
	size_t end;

	out->at[0] = ENG_FOLD_HEADER;
	out->at[1] = out->at[0] + n * c->width;
	out->at[2] = out->at[1] + n * links;
	out->sum = out->at[2] + n * 4;
	out->ids = out->sum + n * 4;
	end = c->kind == ENG_FOLD_BLOCK ? out->ids + n * sizeof(struct engram_id) : out->at[2];
	out->at[3] = end < ENG_FOLD_CHUNK_MIN ? ENG_FOLD_CHUNK_MIN : end;
}

static void header_encode(uint8_t *p, const struct eng_fold_chunk *c)
{
	eng_set32(p, MAGIC);
	eng_set32(p + 4, c->kind);
	eng_set32(p + 8, c->number);
	eng_set32(p + 12, c->n);
	eng_set32(p + 16, c->width);
	eng_set32(p + 20, 0);
}

void eng_fold_seal(uint8_t *p, const struct eng_fold_chunk *c)
{
	struct eng_fold_layout l;

	eng_fold_layout(&l, c);
	header_encode(p, c);
	for (unsigned i = 0; i < ENG_FOLD_PARTS; i++)
		eng_set64(p + CHECKS + 8 * i, eng_hash64(p + l.at[i], l.at[i + 1] - l.at[i]));
}

const char *eng_fold_misfit(const struct eng_fold_chunk *c, struct eng_bytes value)
{
	uint8_t want[CHECKS];
	struct eng_fold_layout l;

	eng_fold_layout(&l, c);
	if (value.n != l.at[ENG_FOLD_PARTS])
		return "length";
	header_encode(want, c);
	return memcmp(value.p, want, sizeof want) == 0 ? NULL : "header";
}

int eng_fold_part_misfit(uint64_t *wanted, uint64_t *found, const struct eng_fold_chunk *c, const uint8_t *p)
{
	struct eng_fold_layout l;

	eng_fold_layout(&l, c);
	for (unsigned i = 0; i < ENG_FOLD_PARTS; i++) {
		*wanted = eng_get64(p + CHECKS + 8 * i);
		*found = eng_hash64(p + l.at[i], l.at[i + 1] - l.at[i]);
		if (*wanted != *found)
			return (int)i;
	}
	return -1;
}

struct eng_fold_chunk eng_fold_chunk_of(const struct eng_fold_record *r, enum eng_fold_kind kind, uint32_t number)
{
	struct eng_fold_chunk c = {.kind = kind, .number = number};

	if (kind == ENG_FOLD_UPPER) {
		c.n = r->nupper[number - 1];
		c.width = UPPER_WIDTH;
	} else {
		const uint32_t left = r->n - number * ENG_HNSW_BLOCK;

		c.n = left < ENG_HNSW_BLOCK ? left : ENG_HNSW_BLOCK;
		c.width = r->stride;
	}
	return c;
}

/* -- records ---------------------------------------------------------------------- */

void eng_fold_record_encode(uint8_t out[ENG_FOLD_META_GRAPH], const struct eng_fold_record *r)
{
	memset(out, 0, ENG_FOLD_META_GRAPH);
	memcpy(out, r->key, sizeof r->key);
	eng_set32(out + 20, r->n);
	eng_set32(out + 24, r->stride);
	eng_set32(out + 28, r->layers);
	for (unsigned l = 0; l < ENG_HNSW_LAYERS; l++)
		eng_set32(out + 32 + 4 * l, r->nupper[l]);
	memcpy(out + 64, r->lineage, sizeof r->lineage);
}

void eng_fold_record_decode(struct eng_fold_record *r, const uint8_t in[ENG_FOLD_META_GRAPH])
{
	memcpy(r->key, in, sizeof r->key);
	r->n = eng_get32(in + 20);
	r->stride = eng_get32(in + 24);
	r->layers = eng_get32(in + 28);
	for (unsigned l = 0; l < ENG_HNSW_LAYERS; l++)
		r->nupper[l] = eng_get32(in + 32 + 4 * l);
	memcpy(r->lineage, in + 64, sizeof r->lineage);
}

const char *eng_fold_record_misfit(const struct eng_fold_record *r)
{
	uint32_t below = r->n;

	if (r->n == 0 || r->n > ENG_HNSW_NODES_MAX)
		return "nodes";
	if (r->stride == 0 || r->stride != ENG_VEC_STRIDE(r->stride) || r->stride > ENG_VEC_STRIDE(ENGRAM_DIM_MAX))
		return "stride";
	if (r->layers > ENG_HNSW_LAYERS)
		return "layers";
	for (unsigned l = 0; l < ENG_HNSW_LAYERS; l++) {
		if (r->nupper[l] > below || (r->nupper[l] > 0) != (l < r->layers))
			return "nodes of a layer";
		below = r->nupper[l];
	}
	return NULL;
}

/* -- hashes ------------------------------------------------------------------------ */

static void hash_text(uint8_t out[ENG_FOLD_HASH], XXH128_hash_t hash)
{
	XXH128_canonical_t raw;

	XXH128_canonicalFromHash(&raw, hash);
	memcpy(out, raw.digest, ENG_FOLD_HASH);
}

void eng_fold_hash(uint8_t out[ENG_FOLD_HASH], const void *p, size_t n)
{
	hash_text(out, XXH3_128bits(p, n));
}

/* The hash of hashes: parts can be taken one after the other, in memory that
 * does not grow with them but by 32 bytes. */
void eng_fold_digest_add(struct eng_buf *b, uint64_t key, struct eng_bytes value)
{
	uint8_t hash[ENG_FOLD_HASH];

	eng_fold_hash(hash, value.p, value.n);
	eng_buf_u64(b, key);
	eng_buf_u64(b, value.n);
	eng_buf_add(b, hash, sizeof hash);
}

int eng_fold_digest(uint8_t out[ENG_FOLD_HASH], struct eng_buf *b, const uint8_t *meta, size_t n)
{
	eng_buf_add(b, meta, ENG_FOLD_META_DIGEST);
	eng_buf_add(b, meta + ENG_FOLD_META_HEADER, n - ENG_FOLD_META_HEADER - ENG_FOLD_META_CHECK);
	if (b->failed)
		return ENGRAM_ENOMEM;
	eng_fold_hash(out, b->p, b->n);
	return 0;
}

int eng_fold_lineage_all(uint8_t out[ENG_FOLD_HASH], const uint8_t *records, size_t n)
{
	struct eng_buf b = ENG_BUF_INIT;
	int rc;

	eng_buf_str(&b, "engram view");
	eng_buf_u32(&b, ENG_FOLD_VERSION);
	eng_buf_u32(&b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *record = records + i * ENG_FOLD_META_GRAPH;

		eng_buf_add(&b, record, ENG_FOLD_KEY);
		eng_buf_add(&b, record + 64, ENG_FOLD_HASH);
	}
	rc = b.failed ? ENGRAM_ENOMEM : 0;
	if (rc == 0)
		eng_fold_hash(out, b.p, b.n);
	eng_buf_free(&b);
	return rc;
}

/* Streamed: the cut may be long, and there is nobody to tell of a failure. */
void eng_fold_lineage(uint8_t out[ENG_FOLD_HASH], const uint8_t *before, const uint8_t key[ENG_FOLD_KEY],
                      uint32_t stride, const void *cut, size_t n)
{
	static const char algorithm[] = "engram hnsw 2";
	uint8_t fixed[80] = {0};
	XXH3_state_t hash;

	memcpy(fixed, algorithm, sizeof algorithm);
	eng_set32(fixed + 16, ENG_FOLD_VERSION);
	eng_set32(fixed + 20, ENG_HNSW_M);
	eng_set32(fixed + 24, ENG_HNSW_LINKS);
	eng_set32(fixed + 28, ENG_HNSW_EF_CONSTRUCTION);
	eng_set32(fixed + 32, stride);
	fixed[36] = before != NULL;
	memcpy(fixed + 38, key, ENG_FOLD_KEY);
	if (before)
		memcpy(fixed + 56, before, ENG_FOLD_HASH);
	eng_set64(fixed + 72, n);
	XXH3_INITSTATE(&hash);
	XXH3_128bits_reset(&hash);
	XXH3_128bits_update(&hash, fixed, sizeof fixed);
	if (n)
		XXH3_128bits_update(&hash, cut, n);
	hash_text(out, XXH3_128bits_digest(&hash));
}

unsigned eng_fold_level(const struct engram_id *id)
{
	return eng_hnsw_level(XXH3_64bits(id->b, sizeof id->b));
}
