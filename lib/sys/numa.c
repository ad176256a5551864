/* numa.c - libnuma by dlopen, where a machine has several nodes.
 *
 * Linking it costs every one-shot program 0.2 ms before main; and most machines
 * have one node and not the library.  Threads that race fill the table with the
 * same pointers, so no lock is needed (as in sql/load.c).
 *
 * libnuma puts a thread on all processors of a node.  Where the user allowed fewer
 * (taskset), it is held to those afterwards. */
#include "sys/machine.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define LIBRARY "libnuma.so.1"

struct api {
	int (*available)(void);
	int (*run_on_node)(int node);
	void (*set_localalloc)(void);
};

enum state { NOT_TRIED, ABSENT, READY };
static struct api table;
static enum state state;

static bool find(void *out, void *lib, const char *name)
{
	void *at = dlsym(lib, name);

	memcpy(out, &at, sizeof at);
	return at != NULL;
}

static bool fill(struct api *api)
{
	void *lib = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);

	if (!lib)
		return false;
	if (find(&api->available, lib, "numa_available") && find(&api->run_on_node, lib, "numa_run_on_node") &&
	    find(&api->set_localalloc, lib, "numa_set_localalloc") && api->available() >= 0)
		return true;
	dlclose(lib);
	return false;
}

/* Same bytes from every thread, each pointer stored whole. */
static void publish(const struct api *api)
{
	__atomic_store_n(&table.available, api->available, __ATOMIC_RELAXED);
	__atomic_store_n(&table.run_on_node, api->run_on_node, __ATOMIC_RELAXED);
	__atomic_store_n(&table.set_localalloc, api->set_localalloc, __ATOMIC_RELAXED);
	__atomic_store_n(&state, READY, __ATOMIC_RELEASE);
}

static bool load(void)
{
	struct api api;

	if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == NOT_TRIED) {
		if (fill(&api))
			publish(&api);
		else
			__atomic_store_n(&state, ABSENT, __ATOMIC_RELEASE);
	}
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) == READY;
}

bool eng_numa_is_loaded(void)
{
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) == READY;
}

int eng_numa_settle(unsigned node)
{
	struct eng_cpus before, now;
	int rc = eng_cpus_allowed(&before);

	if (rc < 0)
		return rc;
	if (!load())
		return -ENOSYS;
	if (table.run_on_node((int)node) < 0)
		return -errno;
	rc = eng_cpus_allowed(&now);
	if (rc == 0)
		rc = eng_cpus_restrict(eng_cpus_both(&now, &before) ? &now : &before);
	table.set_localalloc();
	return rc;
}
