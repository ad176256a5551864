/* as_of.c - an item as it was at an earlier moment.
 *
 * What it reads as follows from the set of its dots, so what it read as then
 * follows from those that were there: the later ones are left out, and with them
 * their refs, so that what they replaced counts again.
 *
 *     M1@10 text=a    R2@20 text=b refs M1[1]    as of 15: a    as of 25: b
 *
 * Forgets stay, whenever they came: what was forgotten is gone for every moment,
 * also those before.  (Its bytes are or will be destroyed; an answer that depends
 * on whether a consolidation has run yet would be none.)
 *
 * A frame was there from its stamp on, or, where an import kept the time of
 * storing, from that time: the same that `stored` shows. */
#include "base/le.h"
#include "merge/merge_int.h"

static int64_t moment_us(const struct eng_dot_record *d)
{
	for (unsigned i = 0; i < d->nelements; i++)
		if (d->elements[i].type == ENG_EL_STORED && d->elements[i].p && d->elements[i].n == 8)
			return (int64_t)eng_get64(d->elements[i].p);
	return eng_stamp_us(d->stamp);
}

static bool was_there(const struct eng_dot_record *d, int64_t us)
{
	return d->kind == ENG_FORGET || moment_us(d) <= us;
}

bool eng_item_later(const struct eng_item *item, int64_t us)
{
	for (size_t i = item->ndots; i-- > 0;)
		if (!was_there(&item->dots[i], us))
			return true;
	return false;
}

void eng_item_as_of(struct eng_item *item, int64_t us)
{
	size_t n = 0;

	for (size_t i = 0; i < item->ndots; i++)
		if (was_there(&item->dots[i], us))
			item->dots[n++] = item->dots[i];
	item->ndots = n;
}
