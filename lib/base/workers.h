/* workers.h - who does work that can be shared out: the seam between what is
 * parallel (the graph) and what starts threads (sys). */
#ifndef ENG_BASE_WORKERS_H
#define ENG_BASE_WORKERS_H

/* run calls job(data, worker) once for each worker, 0 .. n-1, and returns when
 * all have returned.  They run at the same time where they can; a job must not
 * wait for another, which may come after it. */
struct eng_workers {
	unsigned n;
	void (*run)(void *ctx, void (*job)(void *data, unsigned worker), void *data);
	void *ctx;
};

#endif
