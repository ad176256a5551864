/* test_sync_session.c - two session machines over byte pipes, on model stores. */
#include "../lib/tap.h"

#include "../lib/talk.h"

#define NOW INT64_C(1700000000000000)

static struct modelstore *store(uint64_t seed)
{
	struct modelstore *m = modelstore_new(seed);

	modelstore_clock(m, NOW);
	return m;
}

static void fill(struct modelstore *m, const char *who, unsigned n)
{
	char text[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof text, "%s remembers %u", who, i);
		modelstore_remember(m, NULL, text);
	}
	modelstore_flush(m);
}

static void test_both_ways(void)
{
	struct modelstore *a = store(1), *b = store(2), *c = store(3);

	fill(a, "a", 100);
	tap_ok(talk_once(a, b), "an empty store talks to a full one");
	tap_str(modelstore_difference(a, b) ? modelstore_difference(a, b) : "none", "none", "and is equal to it");
	fill(b, "b", 50);
	fill(a, "a again", 30);
	tap_ok(talk_once(a, b), "both have something new");
	tap_str(modelstore_difference(a, b) ? modelstore_difference(a, b) : "none", "none", "and are equal");
	tap_ok(talk_once(c, b) && talk_once(c, a), "a third");
	tap_str(modelstore_difference(a, c) ? modelstore_difference(a, c) : "none", "none", "and is equal");
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(c);
}

int main(void)
{
	test_both_ways();
	return tap_done();
}
