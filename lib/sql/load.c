/* load.c - SQLite by dlopen, at the first use.
 *
 * A process that never opens a text view never maps the library: linking it
 * costs every one-shot program 0.2 ms before main, and `--mode vector` must
 * not pay that.  The table is filled once in a process and never emptied;
 * threads that race fill it with the same pointers, and the first to publish
 * wins, so no lock is needed. */
#include "sql/sql_int.h"

#include <dlfcn.h>

#define LIBRARY "libsqlite3.so.0"

static struct eng_sql_api table;
static bool ready;

static bool fill(struct eng_sql_api *api, void *lib, const char **missing)
{
	void *at;
#define X(name) \
	if (!(at = dlsym(lib, *missing = "sqlite3_" #name))) \
		return false; \
	memcpy(&api->name, &at, sizeof at);
	ENG_SQL_FUNCTIONS(X)
#undef X
	return true;
}

/* Same bytes from every thread, each pointer stored whole. */
static void publish(const struct eng_sql_api *api)
{
#define X(name) __atomic_store_n(&table.name, api->name, __ATOMIC_RELAXED);
	ENG_SQL_FUNCTIONS(X)
#undef X
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
}

const struct eng_sql_api *eng_sql_load(struct engram_error *err)
{
	struct eng_sql_api api;
	const char *missing = NULL;
	if (__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		return &table;
	void *lib = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
	if (!lib) {
		eng_err(err, ENGRAM_EUNAVAILABLE, "SQLite: wanted %s, found none: %s", LIBRARY, dlerror());
		eng_err_hint(err, "install SQLite 3.40 or newer (Debian: libsqlite3-0), or use --mode=vector");
		return NULL;
	}
	if (!fill(&api, lib, &missing)) {
		eng_err(err, ENGRAM_EUNAVAILABLE, "SQLite: %s has no %s", LIBRARY, missing);
		goto unload;
	}
	if (api.libversion_number() < ENG_SQL_VERSION_MIN) {
		eng_err(err, ENGRAM_EUNAVAILABLE, "SQLite: wanted 3.40 or newer, found %s", api.libversion());
		goto unload;
	}
	publish(&api);
	return &table;
unload:
	dlclose(lib);
	return NULL;
}

const char *eng_sql_version(void)
{
	const struct eng_sql_api *api = eng_sql_load(NULL);

	return api ? api->libversion() : NULL;
}
