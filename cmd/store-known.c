/* store-known.c - --if-new: is it there already, in other words?
 *
 * Similarity is the cosine of the hash/1 vectors, the words of the new text weighted
 * by their rarity in the space: likeness of words and spelling, not of meaning.  Two
 * writers that ask at the same time may both store: nothing is locked between the
 * question and the storing. */
#include <string.h>

#include "base/types.h"
#include "store-jobs.h"

static uint32_t similarity_of(const struct engram_hit *hit, struct engram_str text)
{
	if (eng_str_eq(hit->memory.text, text))
		return ENGRAM_CONFIDENCE_ONE;
	for (size_t i = 0; i < hit->nwhy; i++)
		if (strcmp(hit->why[i].name, "cosine") == 0)
			return hit->why[i].value > 0 ? (uint32_t)hit->why[i].value : 0;
	return 0;
}

int store_find_known(struct store *s, struct engram_id *id, uint32_t *similarity, struct engram_str text)
{
	struct engram_result result;
	struct engram_error err = {0};
	struct engram_cue cue;
	int known = 0;

	engram_cue_init(&cue);
	cue.text = text;
	cue.mode = ENGRAM_VECTOR_ONLY;
	cue.k = 1;
	cue.min_confidence = 0;
	cue.no_retention = true;
	if (engram_recall(s->cli.space, &result, &cue, &err) < 0)
		return cli_fail(&s->cli, &err) - 1;
	if (result.n > 0) {
		*id = result.hits[0].memory.id;
		*similarity = similarity_of(&result.hits[0], text);
		known = *similarity >= s->if_new;
	}
	engram_result_free(&result);
	return known;
}
