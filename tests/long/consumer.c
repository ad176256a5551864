/* consumer.c - a program of somebody else's, built with engramcore.pc alone. */
#include <engram.h>
#include <stdio.h>
#include <string.h>

static int store(struct engram_space *space, const char *text, struct engram_error *err)
{
	const struct engram_memory m = {.has = ENGRAM_TEXT, .text = {text, strlen(text)}};
	struct engram_writer *w = NULL;
	enum engram_put_result put;
	struct engram_id id;
	int r = engram_writer_open(&w, space, 0, err);

	if (r == 0)
		r = engram_put(w, &id, &put, &m, err);
	if (r == 0)
		r = engram_commit(w, err);
	engram_writer_close(w);
	return r;
}

static int recall(struct engram_space *space, const char *cue, struct engram_error *err)
{
	struct engram_result result;
	struct engram_cue c;
	int r;

	engram_cue_init(&c);
	c.text = (struct engram_str){cue, strlen(cue)};
	r = engram_recall(space, &result, &c, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < result.n; i++)
		printf("%.*s\n", (int)result.hits[i].memory.text.n, result.hits[i].memory.text.p);
	engram_result_free(&result);
	return 0;
}

int main(int argc, char **argv)
{
	struct engram_error err = {0};
	struct engram_home *home = NULL;
	struct engram_space *space = NULL;
	int r = engram_home_open(&home, argc > 1 ? argv[1] : NULL, &err);

	if (r == 0)
		r = engram_space_open(&space, home, "default", ENGRAM_CREATE, 5000, &err);
	if (r == 0)
		r = store(space, "Ada likes green tea", &err);
	if (r == 0)
		r = recall(space, "who likes tea", &err);
	engram_space_close(space);
	engram_home_close(home);
	if (r < 0)
		fprintf(stderr, "%s\n", err.message);
	return engram_code_exit(r);
}
