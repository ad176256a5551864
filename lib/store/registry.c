/* registry.c - the LMDB environments of this process, one a file.
 *
 * LMDB's locks are POSIX record locks: closing *any* descriptor of the lock
 * file drops all of the process's, so a second environment on one file, opened
 * and closed again, lets another process overwrite the pages that a snapshot of
 * the first still reads (seen in a trial: 59 of 118 values wrong).  So a file,
 * known by device and inode whatever its name, has one environment in a process,
 * and handles share it.
 *
 * Environments inherited through fork belong to the parent and do not count:
 * the child may open the file itself.  It never closes an inherited one, which
 * would clear the parent's reader slots.
 *
 * Locking: a spin lock around the list, held for a few instructions; opening
 * and closing happen outside it, with the entry marked busy. */
#include <stdatomic.h>

#include "base/alloc.h"
#include "store/store_int.h"

static atomic_flag spin = ATOMIC_FLAG_INIT;
static struct eng_env *envs;

static void lock(void)
{
	while (atomic_flag_test_and_set_explicit(&spin, memory_order_acquire))
		;
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&spin, memory_order_release);
}

static void destroy(struct eng_env *env)
{
	eng_free(env->dbis);
	eng_free(env);
}

/* Takes a reference of an open environment, or enters `fresh` as busy, or (the
 * entry is busy) answers NULL. */
static struct eng_env *try_claim(struct eng_env *fresh)
{
	struct eng_env *env;

	lock();
	for (env = envs; env; env = env->next)
		if (env->dev == fresh->dev && env->ino == fresh->ino && env->pid == fresh->pid)
			break;
	if (!env) {
		env = fresh;
		env->refs = 1;
		env->busy = true;
		env->next = envs;
		envs = env;
	} else if (env->busy) {
		env = NULL;
	} else {
		env->refs++;
	}
	unlock();
	return env;
}

struct eng_env *eng_env_claim(const struct eng_sys *sys, uint64_t dev, uint64_t ino)
{
	enum { PAUSE_US = 100 };
	struct eng_env *fresh = eng_calloc(1, sizeof *fresh), *env;

	if (!fresh)
		return NULL;
	fresh->dev = dev;
	fresh->ino = ino;
	fresh->pid = eng_sys_pid();
	while (!(env = try_claim(fresh)))
		sys->clock.sleep_us(sys->clock.ctx, PAUSE_US);
	if (env != fresh)
		destroy(fresh);
	return env;
}

void eng_env_settle(struct eng_env *env)
{
	lock();
	env->busy = false;
	unlock();
}

/* True = the last reference is gone, and the entry is busy until removed. */
static bool drop_reference(struct eng_env *env)
{
	bool last;

	lock();
	last = --env->refs == 0;
	if (last)
		env->busy = true;
	unlock();
	return last;
}

static void remove_entry(struct eng_env *env)
{
	struct eng_env **at;

	lock();
	for (at = &envs; *at != env; at = &(*at)->next)
		;
	*at = env->next;
	unlock();
}

void eng_env_release(struct eng_env *env)
{
	if (!drop_reference(env))
		return;
	if (env->mdb && env->pid == eng_sys_pid())
		mdb_env_close(env->mdb);
	remove_entry(env);
	destroy(env);
}
