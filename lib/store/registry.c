/* registry.c - which LMDB files this process has open.
 *
 * LMDB's locks are POSIX record locks: closing *any* descriptor of the lock
 * file drops all of the process's, so a second environment on one file, opened
 * and closed again, lets another process overwrite the pages that a snapshot of
 * the first still reads (seen in a trial: 59 of 118 values wrong).  So one file is open
 * once per process, known by device and inode, whatever its name.
 *
 * Entries inherited through fork belong to the parent and do not count: the
 * child may open the file itself.
 *
 * Locking: a spin lock around the list, held for a few instructions. */
#include <stdatomic.h>

#include "store/store_int.h"

static atomic_flag busy = ATOMIC_FLAG_INIT;
static struct eng_store *stores;

static void lock(void)
{
	while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
		;
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&busy, memory_order_release);
}

bool eng_registry_add(struct eng_store *s)
{
	const struct eng_store *other;

	lock();
	for (other = stores; other; other = other->next)
		if (other->dev == s->dev && other->ino == s->ino && other->pid == s->pid)
			break;
	if (!other) {
		s->next = stores;
		stores = s;
	}
	unlock();
	return !other;
}

void eng_registry_remove(struct eng_store *s)
{
	lock();
	for (struct eng_store **at = &stores; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			break;
		}
	unlock();
}
