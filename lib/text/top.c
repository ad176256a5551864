/* top.c - the best hits, in a binary heap whose root is the worst kept. */
#include "text/text_int.h"

/* a stands behind b in the answer. */
static bool worse(const struct eng_top *top, const struct eng_text_hit *a, const struct eng_text_hit *b)
{
	if (a->bm25 != b->bm25)
		return a->bm25 < b->bm25;
	return top->order ? top->order(top->ctx, a->doc, b->doc) > 0 : a->doc > b->doc;
}

static void sift_down(struct eng_top *top, size_t n, struct eng_text_hit hit)
{
	struct eng_text_hit *heap = top->hits;
	size_t at = 0, child;
	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n && worse(top, &heap[child + 1], &heap[child]))
			child++;
		if (!worse(top, &heap[child], &hit))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = hit;
}

bool eng_top_takes(const struct eng_top *top, const struct eng_text_hit *hit)
{
	return top->n < top->max || (top->max > 0 && worse(top, &top->hits[0], hit));
}

void eng_top_push(struct eng_top *top, const struct eng_text_hit *hit)
{
	if (!eng_top_takes(top, hit))
		return;
	if (top->n == top->max) {
		sift_down(top, top->n, *hit);
		return;
	}
	size_t at = top->n++;
	for (; at > 0 && worse(top, hit, &top->hits[(at - 1) / 2]); at = (at - 1) / 2)
		top->hits[at] = top->hits[(at - 1) / 2];
	top->hits[at] = *hit;
}

void eng_top_sort(struct eng_top *top)
{
	for (size_t n = top->n; n > 1;) {
		struct eng_text_hit worst = top->hits[0], last = top->hits[--n];
		sift_down(top, n, last);
		top->hits[n] = worst;
	}
}
