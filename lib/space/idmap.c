/* idmap.c - where an id stands in a caller's array of records that begin with
 * one: open addressing, at most half full; or, where they are in order, by halving. */
#include "space/space_int.h"

#include "base/alloc.h"

static const struct engram_id *id_at(const void *records, size_t size, size_t i)
{
	return (const struct engram_id *)(const void *)((const uint8_t *)records + i * size);
}

static size_t first_slot(const struct engram_id *id, size_t cap)
{
	/* Ids are hashes, but an adopted one may be anything: mix. */
	uint64_t h = (eng_get64(id->b) ^ eng_get64(id->b + 8)) * 0x9e3779b97f4a7c15ull;

	return (size_t)(h >> 20) & (cap - 1);
}

/* The slot that holds the id, or the free one where it belongs. */
static uint32_t *slot_of(const struct eng_idmap *m, const void *records, size_t size, const struct engram_id *id)
{
	size_t at = first_slot(id, m->cap);

	while (m->slots[at] && eng_id_cmp(id_at(records, size, m->slots[at] - 1), id) != 0)
		at = (at + 1) & (m->cap - 1);
	return &m->slots[at];
}

void eng_idmap_free(struct eng_idmap *m)
{
	eng_free(m->slots);
	*m = (struct eng_idmap){0};
}

int64_t eng_idmap_find(const struct eng_idmap *m, const void *records, size_t size, const struct engram_id *id)
{
	return m->cap ? (int64_t)*slot_of(m, records, size, id) - 1 : -1;
}

static bool grow(struct eng_idmap *m, const void *records, size_t size)
{
	struct eng_idmap new = {.n = m->n, .cap = m->cap ? 2 * m->cap : 256};

	new.slots = eng_calloc(new.cap, sizeof *new.slots);
	if (!new.slots)
		return false;
	for (size_t i = 0; i < m->n; i++)
		*slot_of(&new, records, size, id_at(records, size, i)) = (uint32_t)i + 1;
	eng_free(m->slots);
	*m = new;
	return true;
}

bool eng_idmap_add(struct eng_idmap *m, const void *records, size_t size)
{
	if (2 * (m->n + 1) > m->cap && !grow(m, records, size))
		return false;
	*slot_of(m, records, size, id_at(records, size, m->n)) = (uint32_t)m->n + 1;
	m->n++;
	return true;
}

/* A few ids clear their slots, not the table. */
void eng_idmap_clear(struct eng_idmap *m, const void *records, size_t size)
{
	if (m->n > m->cap / 16) {
		memset(m->slots, 0, m->cap * sizeof *m->slots);
		m->n = 0;
	}
	while (m->n > 0) {
		uint32_t *slot = slot_of(m, records, size, id_at(records, size, --m->n));
		*slot = 0;
	}
}

size_t eng_id_lower(const void *records, size_t n, size_t size, const struct engram_id *id)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (eng_id_cmp(id_at(records, size, mid), id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
