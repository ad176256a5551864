/* workers.c - a pool of threads that wait for work.
 *
 * Worker 0 is the caller; the others are threads.  A round is given by counting
 * it up under the lock: each thread does its share of every round once, and the
 * last one to be done wakes the caller.  A build has a few thousand rounds of
 * milliseconds, so a lock and two conditions cost nothing that can be measured,
 * and threads that wait burn nothing.
 *
 * A machine that has no thread left makes a fold slow, not impossible: the shares
 * of threads that could not be started are done by the caller.
 *
 * On a machine with several nodes thread i goes to the i-th node in turn.  The
 * caller is left where it is, since its place is not ours to change.  Rows that
 * all read are not spread over the nodes: they lie where the caller put them. */
#include "sys/workers.h"

#include <signal.h>

#include "base/alloc.h"
#include "engram.h"

struct thread {
	pthread_t id;
	struct eng_pool *pool;
	unsigned worker;
};

struct eng_pool {
	const struct eng_machine *machine;
	struct eng_workers workers;
	unsigned nodes, node[ENG_NODES_MAX];
	struct thread *threads; /* of workers 1 ..; the first `running` were started */
	unsigned running;
	bool begun;

	pthread_mutex_t lock;
	pthread_cond_t more, done;
	uint64_t round; /* that was given last */
	unsigned busy;  /* threads that have not finished it */
	bool end;
	void (*job)(void *data, unsigned worker);
	void *data;
};

/* -- a thread ----------------------------------------------------------------- */

/* Where it cannot go it stays, and is only slower. */
static void settle(const struct thread *t)
{
	const struct eng_pool *pool = t->pool;

	if (pool->nodes > 1)
		pool->machine->settle(pool->machine->ctx, pool->node[t->worker % pool->nodes]);
}

static void *serve(void *p)
{
	struct thread *t = p;
	struct eng_pool *pool = t->pool;
	uint64_t round = 0;

	settle(t);
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (pool->round == round && !pool->end)
			pthread_cond_wait(&pool->more, &pool->lock);
		if (pool->end)
			break;
		round = pool->round;
		pthread_mutex_unlock(&pool->lock);
		pool->job(pool->data, t->worker);
		pthread_mutex_lock(&pool->lock);
		if (--pool->busy == 0)
			pthread_cond_signal(&pool->done);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Signals are for the caller, whose handlers end a run; but for those that tell
 * of a fault of the thread itself. */
static void block_signals(sigset_t *before)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void begin(struct eng_pool *pool)
{
	sigset_t before;

	pool->begun = true;
	block_signals(&before);
	while (pool->running + 1 < pool->workers.n) {
		struct thread *t = &pool->threads[pool->running];

		*t = (struct thread){.pool = pool, .worker = pool->running + 1};
		if (pool->machine->start(pool->machine->ctx, &t->id, serve, t) != 0)
			break;
		pool->running++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* -- the caller ----------------------------------------------------------------- */

static void run(void *ctx, void (*job)(void *data, unsigned worker), void *data)
{
	struct eng_pool *pool = ctx;

	if (!pool->begun)
		begin(pool);
	pthread_mutex_lock(&pool->lock);
	pool->job = job;
	pool->data = data;
	pool->busy = pool->running;
	pool->round++;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);

	job(data, 0);
	for (unsigned worker = pool->running + 1; worker < pool->workers.n; worker++)
		job(data, worker);

	pthread_mutex_lock(&pool->lock);
	while (pool->busy > 0)
		pthread_cond_wait(&pool->done, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

int eng_pool_new(struct eng_pool **out, const struct eng_sys *sys, unsigned threads, enum eng_numa numa)
{
	const struct eng_machine *machine = sys->machine;
	struct eng_pool *pool = eng_calloc(1, sizeof *pool);

	if (!pool)
		return ENGRAM_ENOMEM;
	if (threads == 0)
		threads = machine->processors(machine->ctx);
	if (threads > ENG_WORKERS_MAX)
		threads = ENG_WORKERS_MAX;
	pool->threads = eng_calloc(threads, sizeof *pool->threads);
	if (!pool->threads) {
		eng_free(pool);
		return ENGRAM_ENOMEM;
	}
	pool->machine = machine;
	pool->workers = (struct eng_workers){threads, run, pool};
	pool->nodes = numa == ENG_NUMA_AUTO && threads > 1 ? machine->nodes(machine->ctx, pool->node) : 1;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	pthread_cond_init(&pool->done, NULL);
	*out = pool;
	return 0;
}

void eng_pool_free(struct eng_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->end = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->running; i++)
		pthread_join(pool->threads[i].id, NULL);
	pthread_cond_destroy(&pool->done);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
	eng_free(pool->threads);
	eng_free(pool);
}

const struct eng_workers *eng_pool_workers(struct eng_pool *pool)
{
	return &pool->workers;
}

unsigned eng_pool_nodes(const struct eng_pool *pool)
{
	return pool->nodes;
}
