/* test_space_fork.c - stores restored, copied, and set back, which then meet
 * (F25, F26): each notices, nothing that was stored is lost, all end the same.
 *
 * Homes are copied as people copy them, by cp -a; a disk is set back under its
 * store by writing the bytes of then into the same files. */
#include <unistd.h>

#include "../lib/spaces.h"
#include "base/alloc.h"
#include "space/writer_int.h"

enum { STORES = 3 };

static int64_t ahead_us; /* all clocks */
static unsigned open_flags = ENGRAM_WRITE;

struct store {
	struct spaces s;
	char dir[ENG_PATH_MAX];
	unsigned notices;
	char notice[256]; /* the last */
};

static struct store stores[STORES];
static struct engram_error err;

/* -- homes -------------------------------------------------------------------------- */

static void shell(const char *script, const char *a, const char *b)
{
	char line[3 * ENG_PATH_MAX];

	snprintf(line, sizeof line, "sh -c '%s' %s %s", script, a, b);
	if (system(line) != 0)
		printf("# failed: %s\n", line);
}

static void note(void *data, const char *text)
{
	struct store *s = data;

	s->notices++;
	snprintf(s->notice, sizeof s->notice, "%s", text);
}

static void close_store(size_t i)
{
	spaces_close(&stores[i].s);
}

static int64_t wall_us(void *ctx)
{
	const struct eng_clock *real = &eng_sys_posix()->clock;

	(void)ctx;
	return real->wall_us(real->ctx) + ahead_us;
}

static void open_store(size_t i)
{
	static struct eng_sys sys;
	struct store *s = &stores[i];
	struct engram_id id;

	if (s->s.space)
		return;
	sys = *eng_sys_posix();
	sys.clock.wall_us = wall_us;
	spaces_must(sys.random.fill(sys.random.ctx, id.b, sizeof id.b), "random", &err);
	if (access(s->dir, F_OK) != 0)
		spaces_must(eng_space_create(&sys, s->dir, &id, 1, &err), "create", &err);
	spaces_must(eng_space_open(&s->s.space, &sys, s->dir, "default", open_flags, 5000, note, s, &err), "open", &err);
}

static void begin(const char *name)
{
	for (size_t i = 0; i < STORES; i++) {
		char at[64];

		close_store(i);
		stores[i] = (struct store){.notices = 0};
		snprintf(at, sizeof at, "%s%zu", name, i);
		snprintf(stores[i].dir, sizeof stores[i].dir, "%s", tmpdir_path(at));
	}
}

static void copy_home(size_t to, size_t from)
{
	close_store(to);
	close_store(from);
	shell("rm -rf $1 && cp -a $0 $1", stores[from].dir, stores[to].dir);
}

static void set_aside(size_t i, const char *name)
{
	close_store(i);
	shell("rm -rf $1 && cp -a $0 $1", stores[i].dir, tmpdir_path(name));
}

/* Another copy of what was set aside takes its place: other inodes. */
static void restore(size_t i, const char *name)
{
	close_store(i);
	shell("rm -rf $1 && cp -a $0 $1", tmpdir_path(name), stores[i].dir);
}

/* The same inodes, bytes of then. */
static void set_back(size_t i, const char *name)
{
	close_store(i);
	shell("cd $0 && find . -type f | while read p; do if [ -e $1/$p ]; then cat $1/$p >$p; else rm $p; fi; done",
	      stores[i].dir, tmpdir_path(name));
}

static void put(size_t i, const char *text)
{
	open_store(i);
	spaces_put(&stores[i].s, text);
}

/* -- a session ------------------------------------------------------------------------- */

/* Whether both ended with equal digests. */
static bool meet(size_t a, size_t b)
{
	const struct engram_sync_options o = {.flags = ENGRAM_GIVE | ENGRAM_TAKE};
	struct engram_sync_report report;
	int r;

	open_store(a);
	open_store(b);
	r = engram_sync_space(stores[a].s.space, &report, &o, stores[b].s.space, &err);
	if (r == 0 && report.compared && report.equal)
		return true;
	printf("# session of %zu and %zu: %s\n", a, b, r < 0 ? err.message : "not compared, or not equal");
	return false;
}

static bool all_meet(void)
{
	return meet(0, 1) && meet(1, 2) && meet(0, 2) && meet(0, 1) && meet(1, 2);
}

/* -- what is there ----------------------------------------------------------------------- */

/* All show the same, among it every text, and are sound. */
static bool all_show(const char *const *texts, size_t n)
{
	char *first = NULL;
	bool ok = true;

	for (size_t i = 0; i < STORES; i++) {
		char *listing;

		open_store(i);
		listing = spaces_listing(&stores[i].s);
		for (size_t k = 0; k < n; k++)
			if (!strstr(listing, texts[k])) {
				printf("# store %zu: \"%s\" is lost\n", i, texts[k]);
				ok = false;
			}
		if (first && strcmp(first, listing) != 0) {
			printf("# stores 0 and %zu differ:\n%s\n%s\n", i, first, listing);
			ok = false;
		}
		if (spaces_run(&stores[i].s, ENGRAM_CHECK) != 0) {
			printf("# store %zu: %s\n", i, stores[i].s.err.message);
			ok = false;
		}
		if (!first)
			first = listing;
		else
			eng_free(listing);
	}
	eng_free(first);
	return ok;
}
#define ALL_SHOW(...) \
	all_show((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static size_t forks_of(size_t i)
{
	const struct eng_dot *d;
	struct eng_exchange *x;
	size_t n = 0;

	spaces_must(eng_exchange_open(&x, stores[i].s.space, true, &err), "exchange", &err);
	spaces_must(eng_exchange_forks(x, &d, &n, &err), "forks", &err);
	eng_exchange_close(x);
	return n;
}

static uint64_t series_of(size_t i)
{
	const struct eng_position *at;
	struct eng_exchange *x;
	size_t n = 0;

	spaces_must(eng_exchange_open(&x, stores[i].s.space, true, &err), "exchange", &err);
	spaces_must(eng_exchange_received(x, &at, &n, &err), "received", &err);
	eng_exchange_close(x);
	return n;
}

/* Many small ones, so that there is a state. */
static void fill(size_t i, const char *what, unsigned n)
{
	char text[64];

	for (unsigned k = 0; k < n; k++) {
		snprintf(text, sizeof text, "%s number %u", what, k);
		put(i, text);
	}
	spaces_must(spaces_run(&stores[i].s, ENGRAM_APPLY), "apply", &stores[i].s.err);
}

/* -- the scenarios -------------------------------------------------------------------------- */

static void test_restored(void)
{
	begin("restored");
	put(0, "monday");
	tap_ok(meet(0, 1) && meet(1, 2), "three stores");
	set_aside(0, "backup");
	put(0, "tuesday");
	tap_ok(meet(0, 1), "a sync after the backup");
	restore(0, "backup");
	put(0, "wednesday");
	tap_ok(stores[0].notices == 1 && strstr(stores[0].notice, "copy"), "a restored store says so: %s", stores[0].notice);
	tap_ok(all_meet(), "it meets the others");
	tap_ok(ALL_SHOW("monday", "tuesday", "wednesday"), "nothing is lost, all show the same");
	tap_int((long)forks_of(0), 0, "no fork: it wrote nothing twice");
	restore(0, "backup");
	put(0, "thursday");
	tap_ok(all_meet(), "the same backup once more");
	tap_ok(ALL_SHOW("monday", "tuesday", "wednesday", "thursday"), "nothing is lost, all show the same");
	tap_int((long)series_of(2), 3, "three series");
}

static void test_copied(void)
{
	begin("copied");
	put(0, "before");
	copy_home(1, 0);
	put(0, "by the one");
	put(1, "by the copy");
	put(0, "by the one again");
	tap_ok(all_meet(), "a store, its copy, and a third one");
	tap_ok(ALL_SHOW("before", "by the one", "by the copy", "by the one again"), "all is everywhere");
	tap_int((long)forks_of(2), 0, "the copy wrote a series of its own");
}

static void test_set_back(unsigned many)
{
	begin(many ? "large" : "small");
	fill(0, "early", 3 + many);
	tap_ok(meet(0, 1) && meet(1, 2), "three stores, %u frames", many + 4);
	set_aside(0, "disk");
	put(0, "seen by others");
	put(0, "seen by others as well");
	tap_ok(meet(0, 1), "one hears of what is lost then");
	set_back(0, "disk");
	put(0, "written since");
	put(0, "written since as well");
	put(0, "and once more");
	tap_int((long)stores[0].notices, 0, "a disk that was set back shows nothing");
	tap_ok(meet(0, 1), "until they meet");
	tap_ok(stores[0].notices && strstr(stores[0].notice, "two stores"), "which says so: %s", stores[0].notice);
	put(0, "in a new series");
	tap_ok(all_meet(), "all meet");
	tap_ok(ALL_SHOW("early number 2", "seen by others", "seen by others as well", "written since", "written since as well",
	                "and once more", "in a new series"), "nothing is lost, all show the same");
	for (size_t i = 0; i < STORES; i++)
		tap_int((long)forks_of(i), 1, "store %zu knows of the fork", i);
	for (size_t i = 0; i < STORES; i++)
		spaces_must(spaces_run(&stores[i].s, ENGRAM_REBUILD), "rebuild", &stores[i].s.err);
	tap_ok(ALL_SHOW("seen by others", "and once more"), "and so after a rebuild");
	set_back(0, "disk");
	put(0, "a third time");
	put(0, "a third time, too");
	tap_ok(all_meet(), "the same disk once more");
	tap_ok(ALL_SHOW("seen by others", "and once more", "a third time", "a third time, too"), "nothing is lost");
}

/* In place, and not written since: what a peer has continues it. */
static void test_continued(void)
{
	begin("continued");
	put(0, "one");
	set_aside(0, "shorter");
	put(0, "two");
	put(0, "three");
	tap_ok(meet(0, 1), "two stores");
	set_back(0, "shorter");
	tap_ok(meet(0, 1), "the one that lost two meets the other");
	put(0, "four");
	tap_ok(stores[0].notices && strstr(stores[0].notice, "rolled back"), "it says so: %s", stores[0].notice);
	tap_ok(all_meet() && ALL_SHOW("one", "two", "three", "four"), "nothing is lost");
	tap_int((long)forks_of(1), 0, "no fork");
	tap_int((long)series_of(1), 2, "but a new series");
}

/* Two disks set back to one state, which both write on; a third store knew neither. */
static void test_forks_of_forks(void)
{
	begin("again");
	put(0, "root");
	put(0, "stem");
	set_aside(0, "first");
	put(0, "left");
	put(0, "left twig");
	set_aside(0, "second");
	put(0, "left leaf");
	tap_ok(meet(0, 1), "one branch, with a store that keeps it");
	set_back(0, "second");
	put(0, "left flower");
	tap_ok(meet(0, 2), "another, with one that knows of no fork");
	set_back(0, "first");
	put(0, "right");
	put(0, "right twig");
	put(0, "right leaf");
	tap_ok(meet(0, 1), "a third");
	tap_ok(all_meet() && all_meet(), "all meet");
	tap_ok(ALL_SHOW("root", "stem", "left", "left twig", "left leaf", "left flower", "right", "right twig", "right leaf"),
	       "nothing is lost");
	for (size_t i = 1; i < STORES; i++)
		tap_ok(forks_of(i) == forks_of(0) && series_of(i) == series_of(0), "store %zu: the same %zu forks", i,
		       forks_of(0));
	close_store(2);
	shell("rm -rf $0", stores[2].dir, "-");
	tap_ok(meet(2, 1) && ALL_SHOW("left flower", "right leaf"), "a new store gets all of it");
}

/* -- forgetting in branches --------------------------------------------------------------- */

static bool in_files(size_t i, const char *word)
{
	char line[3 * ENG_PATH_MAX];

	close_store(i);
	snprintf(line, sizeof line, "grep -rq '%s' %s", word, stores[i].dir);
	return system(line) == 0;
}

/* A frame of a kind that nobody knows yet, about a memory. */
static void put_strange(size_t i, const struct engram_id *id, const char *text)
{
	struct eng_payload_out o;
	struct engram_writer *w = NULL;

	spaces_must(engram_writer_open(&w, stores[i].s.space, 0, &err), "writer", &err);
	spaces_must(eng_writer_begin(&o, w, id, 1, NULL, 0, &err), "begin", &err);
	eng_payload_element(&o, ENG_EL_TEXT, text, strlen(text));
	spaces_must(eng_writer_end(&o, w, 200, &err), "end", &err);
	spaces_must(engram_commit(w, &err), "commit", &err);
	engram_writer_close(w);
}

/* Before and after the disk was set back the same frame numbers are written: two
 * memories, and two frames of a kind that is not known. */
static void test_forget(void)
{
	struct engram_id other, id;

	begin("forget");
	fill(0, "kept", 140);
	tap_ok(meet(0, 1), "two stores");
	set_aside(0, "disk");
	open_store(0);
	other = spaces_put(&stores[0].s, "kumquat of the lost time");
	put_strange(0, &other, "durian");
	tap_ok(meet(0, 1), "a memory that one will lose");
	set_back(0, "disk");
	open_store(0);
	id = spaces_put(&stores[0].s, "rambutan of the new time");
	put_strange(0, &id, "tamarillo");
	tap_ok(all_meet(), "a fork");
	spaces_forget(&stores[0].s, &id, 1);
	tap_ok(all_meet(), "one of a branch is forgotten");
	for (size_t i = 0; i < STORES; i++)
		spaces_must(spaces_run(&stores[i].s, ENGRAM_COMPACT), "compact", &stores[i].s.err);
	tap_ok(all_meet() && ALL_SHOW("kumquat", "kept number 139"), "the other one of that number is not");
	for (size_t i = 0; i < STORES; i++)
		tap_ok(!in_files(i, "rambutan") && in_files(i, "kumquat"), "no byte of it is left in store %zu", i);
	for (size_t i = 0; i < STORES; i++)
		tap_ok(!in_files(i, "tamarillo") && in_files(i, "durian"), "nor of what a later program said of it");
}

/* -- a year away (F24) ------------------------------------------------------------------------ */

static struct engram_id put_id(size_t i, const char *text)
{
	open_store(i);
	return spaces_put(&stores[i].s, text);
}

/* One leaves with records and forgets that nobody heard of; the others forget what
 * it still has, purge it, and store again what it had forgotten. */
static void test_year_away(void)
{
	struct engram_id gone, back, kept;

	begin("year");
	gone = put_id(0, "quagga seen by the river");
	back = put_id(0, "dodo on the beach");
	tap_ok(meet(0, 1) && meet(0, 2), "three stores");
	kept = put_id(1, "written apart");
	tap_ok(meet(1, 2) && meet(0, 1), "all have it");
	put(2, "last words before leaving");
	spaces_forget(&stores[2].s, &back, 1);
	spaces_forget(&stores[2].s, &kept, 1);
	close_store(2);
	for (unsigned quarter = 0; quarter < 4; quarter++) {
		close_store(0);
		close_store(1);
		ahead_us += INT64_C(91) * 86400 * 1000000;
		if (quarter == 1) {
			open_store(0);
			spaces_forget(&stores[0].s, &gone, 1);
		}
		if (quarter == 2)
			put(1, "dodo on the beach");
		tap_ok(meet(0, 1), "a quarter of a year");
		for (size_t i = 0; i < 2; i++)
			spaces_must(spaces_run(&stores[i].s, ENGRAM_COMPACT), "compact", &stores[i].s.err);
	}
	put(2, "back again");
	tap_ok(meet(2, 0), "it returns");
	tap_ok(all_meet() && ALL_SHOW("last words before leaving", "back again", "dodo on the beach"),
	       "what it wrote is there, and what was stored later than it forgot");
	for (size_t i = 0; i < STORES; i++) {
		char *listing = spaces_listing(&stores[i].s);
		tap_ok(!strstr(listing, "quagga") && !strstr(listing, "written apart"), "store %zu: nothing rises", i);
		eng_free(listing);
		spaces_must(spaces_run(&stores[i].s, ENGRAM_COMPACT), "compact", &stores[i].s.err);
		tap_ok(!in_files(i, "quagga") && !in_files(i, "written apart"), "nor is a byte of it left");
	}
	tap_ok(all_meet() && ALL_SHOW("back again"), "and all meet once more");
	ahead_us = 0;
}

/* What comes in and was forgotten before leaves with the next run, like what is
 * forgotten later, also where nobody here can read it. */
static void test_late_word(void)
{
	struct engram_id gone;

	begin("late");
	gone = put_id(0, "quagga seen by the river");
	fill(0, "kept", 140);
	tap_ok(meet(0, 1), "two stores");
	put_strange(1, &gone, "rambutan");
	ahead_us += 1000; /* or both may have one stamp */
	spaces_forget(&stores[0].s, &gone, 1);
	spaces_must(spaces_run(&stores[0].s, ENGRAM_APPLY), "apply", &stores[0].s.err);
	tap_ok(!in_files(0, "quagga"), "one forgets, and purges");
	tap_ok(meet(0, 1), "what the other had said of it meanwhile comes in");
	for (size_t i = 0; i < 2; i++) {
		tap_ok(in_files(i, "rambutan"), "store %zu: it is there", i);
		open_store(i);
		spaces_must(spaces_run(&stores[i].s, ENGRAM_APPLY), "apply", &stores[i].s.err);
		tap_ok(!in_files(i, "rambutan") && !in_files(i, "quagga"), "and leaves with the next run");
	}
	tap_ok(meet(0, 1), "both meet once more");
	ahead_us = 0;
}

/* A clock ran two days ahead, and was put right: what was written then can be
 * forgotten, and what was forgotten then is not stored again in vain. */
static void test_clock_put_right(void)
{
	struct engram_memory m = {.has = ENGRAM_TEXT, .text = {"dodo on the beach", 17}};
	struct engram_writer *w = NULL;
	enum engram_put_result put_result;
	struct engram_id early, dodo, id;
	uint64_t frames;

	begin("clock");
	ahead_us = INT64_C(2) * 86400 * 1000000;
	early = put_id(0, "quagga seen by the river");
	dodo = put_id(0, "dodo on the beach");
	spaces_forget(&stores[0].s, &dodo, 1);
	close_store(0);
	ahead_us = 0;
	open_store(0);
	tap_int(engram_writer_open(&w, stores[0].s.space, 0, &err), ENGRAM_ECLOCK, "a store does not go on from there");
	close_store(0);
	open_flags = ENGRAM_WRITE | ENGRAM_NEW_SERIES;
	put(0, "in a new series");
	open_flags = ENGRAM_WRITE;
	for (int applied = 0; applied < 2; applied++) {
		close_store(0);
		open_store(0);
		if (applied)
			spaces_must(spaces_run(&stores[0].s, ENGRAM_REBUILD), "rebuild", &stores[0].s.err);
		spaces_must(engram_writer_open(&w, stores[0].s.space, 0, &err), "writer", &err);
		tap_int(engram_put(w, &id, &put_result, &m, &err), ENGRAM_ECLOCK, "what is dead at birth is refused: %s", err.message);
		m.text = (struct engram_str){"dodo on the shore", 17};
		tap_int(engram_put(w, &id, &put_result, &m, &err), 0, "other words are another memory");
		m.text = (struct engram_str){"dodo on the beach", 17};
		spaces_must(engram_commit(w, &err), "commit", &err);
		engram_writer_close(w);
	}
	spaces_forget(&stores[0].s, &early, 1);
	{
		char *listing = spaces_listing(&stores[0].s);
		tap_ok(!strstr(listing, "quagga") && strstr(listing, "shore"), "what was written then is forgotten");
		eng_free(listing);
	}
	spaces_must(eng_log_check(stores[0].s.space->log, &frames, &(uint64_t){0}, NULL, NULL, &err), "check", &err);
	spaces_forget(&stores[0].s, &early, 1);
	{
		uint64_t more;
		spaces_must(eng_log_check(stores[0].s.space->log, &more, &(uint64_t){0}, NULL, NULL, &err), "check", &err);
		tap_int((long)(more - frames), 0, "once: again writes nothing");
	}
	ahead_us = INT64_C(3) * 86400 * 1000000;
	tap_ok(meet(0, 1) && meet(1, 2) && meet(0, 2) && ALL_SHOW("in a new series", "dodo on the shore"),
	       "three days later others say the same");
	put(1, "dodo on the beach");
	tap_ok(all_meet() && ALL_SHOW("dodo on the beach"), "and it can be stored");
	spaces_must(spaces_run(&stores[0].s, ENGRAM_COMPACT), "compact", &stores[0].s.err);
	tap_ok(!in_files(0, "quagga"), "no byte is left of the other");
	ahead_us = 0;
}

/* Of a memory nothing is known but a word that nobody here can read, or a link. */
static void test_forget_unread(void)
{
	struct engram_id unread, linked, from, id;
	struct engram_link link;
	struct engram_writer *w = NULL;
	enum engram_put_result put_result;
	char text[ENGRAM_ID_TEXT + 1];
	bool gone;

	begin("unread");
	memset(unread.b, 5, sizeof unread.b);
	memset(linked.b, 6, sizeof linked.b);
	from = put_id(0, "kept");
	put_strange(0, &unread, "rambutan");
	engram_link_init(&link);
	link.to = linked;
	spaces_must(engram_writer_open(&w, stores[0].s.space, 0, &err), "writer", &err);
	spaces_must(engram_link(w, &put_result, &from, &link, 1, &err), "link", &err);
	memset(id.b, 7, sizeof id.b);
	tap_int(engram_forget(w, &id, 1, &err), ENGRAM_ENOID, "of what nothing is said there is nothing to forget");
	spaces_must(engram_commit(w, &err), "commit", &err);
	engram_writer_close(w);
	engram_id_format(text, &id);
	tap_int(engram_resolve(stores[0].s.space, &id, &gone, text, &err), ENGRAM_ENOID, "nor does it have an id");
	engram_id_format(text, &unread);
	tap_int(engram_resolve(stores[0].s.space, &id, &gone, text, &err), 0, "a word that cannot be read gives one");
	spaces_forget(&stores[0].s, &unread, 1);
	spaces_forget(&stores[0].s, &linked, 1);
	spaces_must(spaces_run(&stores[0].s, ENGRAM_COMPACT), "compact", &stores[0].s.err);
	tap_ok(!in_files(0, "rambutan"), "it is forgotten, and purged");
	tap_ok(all_meet() && ALL_SHOW("kept"), "and everywhere");
}

/* -- lies (a peer that is damaged, or means ill) -------------------------------------- */

/* A peer names forks of series that nobody wrote twice. */
static void test_false_forks(void)
{
	const struct eng_position *at;
	struct eng_exchange *x;
	struct eng_series series;
	size_t n;
	int r = 0;

	begin("false");
	fill(0, "kept", 40);
	tap_ok(meet(0, 1), "two stores");
	open_store(0);
	spaces_must(eng_exchange_open(&x, stores[0].s.space, true, &err), "exchange", &err);
	spaces_must(eng_exchange_received(x, &at, &n, &err), "received", &err);
	series = at[0].series;
	for (uint64_t seq = 41; r == 0 && seq > 1; seq--) {
		const struct eng_dot fork = {series, seq};
		r = eng_exchange_forked(x, &fork, 0, 0, &err);
	}
	eng_exchange_close(x);
	tap_int(r, ENGRAM_EINPUT, "a peer that names fork after fork is not believed: %s", err.message);
	tap_int((long)series_of(0), 17, "though 16 are");
	put(0, "written after it");
	tap_ok(all_meet() && ALL_SHOW("kept number 0", "kept number 39", "written after it"),
	       "nothing is lost, and all end equal");
}

/* -- retiring ------------------------------------------------------------------------------- */

static void test_retire(void)
{
	struct eng_series series = {{0}};
	const struct eng_position *at;
	struct eng_exchange *x;
	bool written;
	size_t n;

	begin("retired");
	put(0, "one");
	tap_ok(meet(0, 1), "two stores");
	open_store(1);
	tap_int(eng_space_retire(stores[1].s.space, &written, &series, &err), ENGRAM_ENOFILE, "one that is not here");
	spaces_must(eng_exchange_open(&x, stores[0].s.space, true, &err), "exchange", &err);
	spaces_must(eng_exchange_received(x, &at, &n, &err), "received", &err);
	series = at[0].series;
	eng_exchange_close(x);
	tap_int(eng_space_retire(stores[0].s.space, &written, &series, &err), 0, "the own series");
	tap_ok(written, "is retired");
	tap_int(eng_space_retire(stores[0].s.space, &written, &series, &err), 0, "once more");
	tap_ok(!written, "is nothing new");
	put(0, "two");
	tap_int((long)series_of(0), 2, "what follows goes into another");
	tap_ok(meet(0, 1) && meet(1, 2) && ALL_SHOW("one", "two"), "its memories stay");
	tap_int(eng_space_retire(stores[2].s.space, &written, &series, &err), 0, "others know");
	tap_ok(!written, "that it is retired");
}

int main(void)
{
	tmpdir_begin("test_space_fork");
	test_restored();
	test_copied();
	test_set_back(0);
	test_set_back(200);
	test_continued();
	test_forks_of_forks();
	test_forget();
	test_false_forks();
	test_retire();
	test_year_away();
	test_late_word();
	test_clock_put_right();
	test_forget_unread();
	for (size_t i = 0; i < STORES; i++)
		close_store(i);
	tmpdir_end();
	return tap_done();
}
