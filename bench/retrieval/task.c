/* task.c - see task.h. */
#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct engram_error err;

void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err.message);
	exit(1);
}

/* -- files --------------------------------------------------------------- */

static struct pair split(char *line, const char *path, size_t number)
{
	line[strcspn(line, "\n")] = 0;
	char *tab = strchr(line, '\t');
	if (!tab) {
		fprintf(stderr, "%s:%zu: wanted two fields\n", path, number);
		exit(1);
	}
	*tab = 0;
	return (struct pair){line, tab + 1};
}

struct pairs pairs_read(const char *path)
{
	FILE *f = fopen(path, "r");
	struct pairs p = {0};
	char *line = NULL;
	size_t cap = 0, room = 0;
	if (!f) {
		perror(path);
		exit(1);
	}
	for (; getline(&line, &cap, f) > 0; line = NULL, cap = 0) {
		if (p.n == room) {
			room = room ? 2 * room : 1024;
			p.at = realloc(p.at, room * sizeof *p.at);
		}
		p.at[p.n] = split(line, path, p.n + 1);
		p.n++;
	}
	free(line);
	fclose(f);
	return p;
}

void pairs_free(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->at[i].first);
	free(p->at);
	*p = (struct pairs){0};
}

/* -- cues ---------------------------------------------------------------- */

static bool letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* One edit at a random place of the word: drop, replace, insert or swap. */
static size_t edit(char *out, const char *word, size_t n, struct eng_rng *g)
{
	size_t at = eng_rng_below(g, n);
	char c = (char)('a' + eng_rng_below(g, 26));
	char *p = out;
	memcpy(p, word, at);
	p += at;
	switch (eng_rng_below(g, 4)) {
	case 0:
		break;
	case 1:
		*p++ = c;
		break;
	case 2:
		*p++ = c;
		*p++ = word[at];
		break;
	default:
		if (at + 1 < n)
			*p++ = word[at + 1];
		*p++ = word[at];
		at += at + 1 < n;
	}
	memcpy(p, word + at + 1, n - at - 1);
	return (size_t)(p - out) + n - at - 1;
}

void misspell(char *out, size_t size, const char *text, struct eng_rng *g)
{
	size_t n = 0;
	while (*text && n + 3 < size) {
		size_t length = 0;
		while (letter(text[length]))
			length++;
		if (n + length + 3 >= size)
			break;
		if (length >= 5 && eng_rng_below(g, 2)) {
			n += edit(out + n, text, length, g);
		} else {
			length = length ? length : 1;
			memcpy(out + n, text, length);
			n += length;
		}
		text += length;
	}
	out[n] = 0;
}

void ask(struct engram_result *r, struct engram_space *space, const char *text, const struct vector *vector,
         enum engram_mode mode, size_t depth)
{
	struct engram_cue cue;
	engram_cue_init(&cue);
	cue.text = (struct engram_str){text, strlen(text)};
	if (vector && vector->x) {
		cue.vector = vector->x;
		cue.dim = vector->dim;
		cue.embedder = (struct engram_str){vector->embedder, strlen(vector->embedder)};
	}
	cue.mode = mode;
	cue.k = depth;
	cue.min_confidence = 0;
	check(engram_recall(space, r, &cue, &err), text);
}

bool among(const char *keys, const char *key, size_t n)
{
	for (const char *at = keys; *at;) {
		size_t length = strcspn(at, " ");
		if (length == n && memcmp(at, key, n) == 0)
			return true;
		at += length + (at[length] == ' ');
	}
	return false;
}

uint32_t rank_of(const struct engram_result *r, const char *keys)
{
	for (size_t i = 0; i < r->n; i++)
		if (among(keys, r->hits[i].memory.key.p, r->hits[i].memory.key.n))
			return (uint32_t)i + 1;
	return 0;
}

/* -- spaces -------------------------------------------------------------- */

/* Equal scores are ordered by id, and an id comes from the space's id and the
 * key; a random one moves the mean reciprocal rank by a thousandth. */
static const struct engram_consolidation apply_only = {.tasks = ENGRAM_APPLY};
static const struct engram_id space_id = {{'b', 'e', 'n', 'c', 'h', '/', 'r', 'e', 't', 'r', 'i', 'e', 'v', 'a', 'l', '1'}};
#define STORED_US INT64_C(1700000000000000)

static void put_all(struct engram_space *space, const struct pairs *docs)
{
	struct engram_writer *w;
	check(engram_writer_open(&w, space, ENGRAM_BULK, &err), "writer");
	for (size_t i = 0; i < docs->n; i++) {
		const struct pair *d = &docs->at[i];
		struct engram_memory m = {
			.has = ENGRAM_TEXT | ENGRAM_KEY | ENGRAM_STORED,
			.text = {d->second, strlen(d->second)},
			.key = {d->first, strlen(d->first)},
			.stored_us = STORED_US,
		};
		enum engram_put_result put;
		struct engram_id id;
		check(engram_put(w, &id, &put, &m, &err), d->first);
	}
	check(engram_commit(w, &err), "commit");
	engram_writer_close(w);
}

struct engram_space *store_pairs(struct engram_home *home, const char *name, const struct pairs *docs)
{
	struct engram_space *space;
	struct engram_report report;
	check(engram_space_open(&space, home, name, ENGRAM_CREATE, 5000, &err), name);
	check(engram_space_adopt(space, &space_id, STORED_US, &err), name);
	put_all(space, docs);
	check(engram_consolidate(space, &report, &apply_only, &err), "consolidate");
	return space;
}

static uint64_t digest(const struct pairs *docs)
{
	uint64_t h = 0;
	for (size_t i = 0; i < docs->n; i++) {
		h = XXH3_64bits_withSeed(docs->at[i].first, strlen(docs->at[i].first), h);
		h = XXH3_64bits_withSeed(docs->at[i].second, strlen(docs->at[i].second), h);
	}
	return h;
}

struct engram_space *stored_pairs(struct engram_home *home, const char *path)
{
	struct pairs docs = pairs_read(path);
	struct engram_space *space;
	struct engram_space_info info;
	char name[32];
	snprintf(name, sizeof name, "docs-%016llx", (unsigned long long)digest(&docs));
	if (engram_space_open(&space, home, name, ENGRAM_WRITE, 5000, &err) == 0) {
		check(engram_space_info(space, &info, &err), name);
		if (info.memories == docs.n && info.unapplied == 0)
			goto out;
		engram_space_close(space);
		check(engram_space_drop(home, name, 5000, &err), name);
	}
	space = store_pairs(home, name, &docs);
	fprintf(stderr, "%s: %zu texts stored and indexed\n", path, docs.n);
out:
	pairs_free(&docs);
	return space;
}

/* -- embedders ----------------------------------------------------------- */

struct engram_embedder *embedder_of_environment(void)
{
	const char *command = getenv("EMBED_COMMAND");
	struct engram_embedder *e;
	if (!command || !*command)
		return NULL;
	check(engram_embedder_open(&e, command, getenv("EMBED_NAME"), 600 * 1000, &err), "EMBED_COMMAND");
	return e;
}

void embed_space(struct engram_space *space, struct engram_embedder *e)
{
	struct engram_report report;
	check(engram_reembed(space, &report, e, false, NULL, NULL, &err), "embed");
	if (report.embedded)
		fprintf(stderr, "%llu texts embedded\n", (unsigned long long)report.embedded);
	check(engram_consolidate(space, &report, &apply_only, &err), "consolidate");
}

static void embed_batch(struct vector *out, float *x, struct engram_embedder *e, char *const *texts, size_t n)
{
	const float *const *vectors;
	struct engram_str *all = malloc(n * sizeof *all);
	size_t dim;
	for (size_t i = 0; i < n; i++)
		all[i] = (struct engram_str){texts[i], strlen(texts[i])};
	check(engram_embed(e, &vectors, &dim, all, n, &err), "embed the cues");
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct vector){NULL, dim, engram_embedder_identity(e)};
		if (vectors[i])
			out[i].x = memcpy(x + i * ENGRAM_DIM_MAX, vectors[i], dim * sizeof *x);
	}
	free(all);
}

struct vector *embed_texts(float **block, struct engram_embedder *e, char *const *texts, size_t n)
{
	struct vector *out = calloc(n, sizeof *out);
	*block = calloc(n, ENGRAM_DIM_MAX * sizeof **block);
	for (size_t at = 0, some; at < n; at += some) {
		some = engram_embedder_batch(e);
		some = some < n - at ? some : n - at;
		embed_batch(out + at, *block + at * ENGRAM_DIM_MAX, e, texts + at, some);
	}
	return out;
}
