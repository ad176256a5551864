/* workers.h - a pool of threads, and where they stand on a machine.
 *
 *     struct eng_pool *pool;
 *     int rc = eng_pool_new(&pool, sys, 0, ENG_NUMA_AUTO);
 *     ... eng_hnsw_build_new(&b, stride, eng_pool_workers(pool)) ...
 *     eng_hnsw_build_free(b);
 *     eng_pool_free(pool);
 *
 * One pool for the whole life of a fold: its threads begin with the first work
 * that is given to it and wait for the next.  One thread at a time gives work,
 * and no work gives work. */
#ifndef ENG_SYS_WORKERS_H
#define ENG_SYS_WORKERS_H

#include <pthread.h>

#include "base/workers.h"
#include "sys/sys.h"

enum eng_numa { ENG_NUMA_AUTO, ENG_NUMA_OFF };

/* What is asked of a machine, as a seam: a test plays one with several nodes, or
 * one that has no thread left. */
#define ENG_NODES_MAX 64u
struct eng_machine {
	/* Processors that this process may use at once; 1 at least. */
	unsigned (*processors)(void *ctx);
	/* Numbers of the nodes that have such processors, ascending; how many there are. */
	unsigned (*nodes)(void *ctx, unsigned out[ENG_NODES_MAX]);
	/* Keeps the calling thread on the processors of a node, of those it may use,
	 * and has what it touches first come from there.  0 or -errno. */
	int (*settle)(void *ctx, unsigned node);
	/* 0 or an errno, as pthread_create. */
	int (*start)(void *ctx, pthread_t *thread, void *(*fn)(void *data), void *data);
	void *ctx;
};

/* More threads wait for each other more than they help: a batch of a build has
 * 500 members. */
#define ENG_WORKERS_MAX 256u

struct eng_pool;

/* threads 0: one for each processor that this process may use; more than
 * ENG_WORKERS_MAX are that many.  0 or ENGRAM_ENOMEM.  No thread begins yet. */
int eng_pool_new(struct eng_pool **pool, const struct eng_sys *sys, unsigned threads, enum eng_numa numa);
void eng_pool_free(struct eng_pool *pool); /* ends the threads; NULL allowed */
/* Valid until the pool is freed.  n is what was asked for; where a thread cannot
 * be had, the caller does its share too. */
const struct eng_workers *eng_pool_workers(struct eng_pool *pool);
/* Nodes that the workers are spread over; 1: nothing is placed.  For tests: what is
 * placed where shows in nothing else. */
unsigned eng_pool_nodes(const struct eng_pool *pool);

#endif
