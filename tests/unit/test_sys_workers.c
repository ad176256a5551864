/* test_sys_workers.c - the pool of threads, on the real machine and on machines
 * that are played: several nodes, no thread left, quotas as files. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "../lib/failalloc.h"
#include "../lib/tmpdir.h"
#include "base/rng.h"
#include "engram.h"
#include "sys/machine.h"

/* -- a machine that is played ---------------------------------------------------- */

enum { NO_LIMIT = 1000 };

struct played {
	unsigned processors, nnodes, node[ENG_NODES_MAX];
	unsigned startable;         /* threads that can be had */
	unsigned asked_processors, asked_nodes, started;
	_Atomic unsigned settled[8]; /* threads that went to each node */
	int settle_result;
};

static unsigned play_processors(void *ctx)
{
	struct played *p = ctx;

	p->asked_processors++;
	return p->processors;
}

static unsigned play_nodes(void *ctx, unsigned out[ENG_NODES_MAX])
{
	struct played *p = ctx;

	p->asked_nodes++;
	memcpy(out, p->node, p->nnodes * sizeof *out);
	return p->nnodes;
}

static int play_settle(void *ctx, unsigned node)
{
	struct played *p = ctx;

	p->settled[node]++;
	return p->settle_result;
}

static int play_start(void *ctx, pthread_t *thread, void *(*fn)(void *data), void *data)
{
	struct played *p = ctx;

	if (p->started == p->startable)
		return EAGAIN;
	p->started++;
	return pthread_create(thread, NULL, fn, data);
}

struct stage {
	struct played played;
	struct eng_machine machine;
	struct eng_sys sys;
	struct eng_pool *pool;
};

static void begin(struct stage *s, struct played played, unsigned threads, enum eng_numa numa)
{
	*s = (struct stage){.played = played, .sys = *eng_sys_posix()};
	s->machine = (struct eng_machine){play_processors, play_nodes, play_settle, play_start, &s->played};
	s->sys.machine = &s->machine;
	if (eng_pool_new(&s->pool, &s->sys, threads, numa) < 0)
		exit(99);
}

static void play(struct stage *s, void (*job)(void *data, unsigned worker), void *data)
{
	const struct eng_workers *w = eng_pool_workers(s->pool);

	w->run(w->ctx, job, data);
}

/* -- jobs ------------------------------------------------------------------------- */

struct shares {
	_Atomic uint64_t done[ENG_WORKERS_MAX]; /* by each worker */
	_Atomic unsigned by_caller;
	pthread_t caller;
};

static void count(void *data, unsigned worker)
{
	struct shares *s = data;

	s->done[worker]++;
	if (pthread_equal(pthread_self(), s->caller))
		s->by_caller++;
}

/* Whether workers 0 .. n-1 and no others did `rounds` each. */
static bool all_did(const struct shares *s, unsigned n, uint64_t rounds)
{
	bool ok = true;

	for (unsigned i = 0; i < ENG_WORKERS_MAX; i++)
		ok = ok && s->done[i] == (i < n ? rounds : 0);
	return ok;
}

static void test_rounds(void)
{
	enum { ROUNDS = 2000 };

	for (unsigned n = 1; n <= 5; n++) {
		struct shares shares = {.caller = pthread_self()};
		struct stage s;

		begin(&s, (struct played){.startable = NO_LIMIT}, n, ENG_NUMA_OFF);
		tap_ok(s.played.started == 0, "%u workers: no thread begins before there is work", n);
		for (unsigned i = 0; i < ROUNDS; i++)
			play(&s, count, &shares);
		tap_int(s.played.started, n - 1, "the caller is one of them");
		tap_ok(all_did(&shares, n, ROUNDS) && shares.by_caller == ROUNDS, "each does its share of %d rounds once", ROUNDS);
		eng_pool_free(s.pool);
	}
}

static void test_sizes(void)
{
	struct stage s;

	begin(&s, (struct played){.processors = 3}, 0, ENG_NUMA_OFF);
	tap_int(eng_pool_workers(s.pool)->n, 3, "0 threads: as many as processors");
	eng_pool_free(s.pool);
	begin(&s, (struct played){.processors = 3}, 100000, ENG_NUMA_OFF);
	tap_int(eng_pool_workers(s.pool)->n, ENG_WORKERS_MAX, "100,000 threads: as many as help");
	tap_int(s.played.asked_processors, 0, "a number that is given is not asked for");
	eng_pool_free(s.pool);
	eng_pool_free(NULL);
}

static void test_no_thread_left(void)
{
	for (unsigned startable = 0; startable < 4; startable++) {
		struct shares shares = {.caller = pthread_self()};
		struct stage s;

		begin(&s, (struct played){.startable = startable}, 4, ENG_NUMA_OFF);
		play(&s, count, &shares);
		play(&s, count, &shares);
		tap_ok(all_did(&shares, 4, 2), "%u threads of 3 can be had: every share is done", startable);
		tap_int(shares.by_caller, 2 * (4 - startable), "what is left, by the caller");
		eng_pool_free(s.pool);
	}
}

/* -- signals ------------------------------------------------------------------------ */

struct masks {
	sigset_t of[2];
};

static void tell_mask(void *data, unsigned worker)
{
	pthread_sigmask(SIG_SETMASK, NULL, &((struct masks *)data)->of[worker]);
}

static void test_signals(void)
{
	struct masks m;
	struct stage s;

	begin(&s, (struct played){.startable = 1}, 2, ENG_NUMA_OFF);
	play(&s, tell_mask, &m);
	eng_pool_free(s.pool);
	tap_ok(sigismember(&m.of[1], SIGTERM) && sigismember(&m.of[1], SIGINT) && sigismember(&m.of[1], SIGUSR1),
	       "threads take no signal");
	tap_ok(!sigismember(&m.of[1], SIGSEGV) && !sigismember(&m.of[1], SIGBUS), "but those of a fault of their own");
	tap_ok(!sigismember(&m.of[0], SIGTERM), "the caller takes them");
}

/* -- nodes ----------------------------------------------------------------------------- */

static void test_nodes(void)
{
	struct played two = {.nnodes = 2, .node = {1, 4}, .startable = NO_LIMIT}, one = {.nnodes = 1, .startable = NO_LIMIT};
	struct shares shares = {.caller = pthread_self()};
	struct stage s;

	begin(&s, two, 5, ENG_NUMA_AUTO);
	tap_int(eng_pool_nodes(s.pool), 2, "two nodes with processors");
	play(&s, count, &shares);
	eng_pool_free(s.pool);
	tap_int(s.played.settled[1], 2, "four threads: two on the first");
	tap_int(s.played.settled[4], 2, "and two on the second");

	begin(&s, two, 5, ENG_NUMA_OFF);
	play(&s, count, &shares);
	eng_pool_free(s.pool);
	tap_ok(s.played.asked_nodes == 0 && s.played.settled[1] + s.played.settled[4] == 0, "off: none is placed");

	begin(&s, one, 5, ENG_NUMA_AUTO);
	tap_int(eng_pool_nodes(s.pool), 1, "one node");
	play(&s, count, &shares);
	eng_pool_free(s.pool);
	tap_int(s.played.settled[0], 0, "none is placed either");

	two.settle_result = -EINVAL;
	begin(&s, two, 3, ENG_NUMA_AUTO);
	shares = (struct shares){.caller = pthread_self()};
	play(&s, count, &shares);
	eng_pool_free(s.pool);
	tap_ok(all_did(&shares, 3, 1), "threads that cannot be placed work where they are");
}

/* -- the kernel's files ------------------------------------------------------------------ */

static void write_file(const char *name, const char *text)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof path, "%s", tmpdir_path(name));
	for (char *slash = path + strlen(tmpdir_) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		exit(99);
}

static unsigned count_list(const char *list)
{
	struct eng_cpus cpus;

	eng_cpus_parse(&cpus, list);
	return eng_cpus_count(&cpus);
}

static void test_lists(void)
{
	tap_int(count_list("0\n"), 1, "a list of one processor");
	tap_int(count_list("0-3,8,10-11\n"), 7, "of ranges");
	tap_int(count_list("\n"), 0, "of none");
	tap_int(count_list("5-2,9-"), 0, "of nonsense");
	tap_int(count_list("65530-99999999999999999999"), 6, "of more than there can be");
}

static void test_quotas(void)
{
	char own[768], root[768];

	tmpdir_begin("cgroup");
	snprintf(own, sizeof own, "%s", tmpdir_path("own"));
	snprintf(root, sizeof root, "%s", tmpdir_path("cgroup"));
	tap_int(eng_cgroup_quota(own, root), 0, "no control groups: no quota");
	write_file("own", "0::/user/app\n");
	tap_int(eng_cgroup_quota(own, root), 0, "a group that is not shown: no quota");
	write_file("cgroup/user/app/cpu.max", "max 100000\n");
	tap_int(eng_cgroup_quota(own, root), 0, "max: no quota");
	write_file("cgroup/user/cpu.max", "250000 100000\n");
	tap_int(eng_cgroup_quota(own, root), 3, "two and a half processors, of the group above: 3");
	write_file("cgroup/user/app/cpu.max", "50000 100000\n");
	tap_int(eng_cgroup_quota(own, root), 1, "half a processor: 1");
	write_file("cgroup/user/app/cpu.max", "400000 100000\n");
	write_file("cgroup/cpu.max", "200000 100000\n");
	tap_int(eng_cgroup_quota(own, root), 2, "the least of all, to the root");
	write_file("cgroup/cpu.max", "junk\n");
	write_file("cgroup/user/cpu.max", "100 0\n");
	tap_int(eng_cgroup_quota(own, root), 4, "what says nothing is left out");

	write_file("own", "9:name=systemd:/\n4:cpuset:/x\n2:cpu,cpuacct:/box\n0::/\n");
	write_file("cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "700000\n");
	write_file("cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
	tap_int(eng_cgroup_quota(own, root), 7, "version 1: seven processors");
	write_file("cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
	tap_int(eng_cgroup_quota(own, root), 0, "version 1: -1 is none");
	tmpdir_end();
}

static void test_node_files(void)
{
	unsigned found[ENG_NODES_MAX];
	struct eng_cpus allowed;

	tmpdir_begin("nodes");
	tap_int(eng_nodes_with(found, tmpdir_path("node"), &allowed), 0, "no directory: no node");
	write_file("node/node10/cpulist", "4-7\n");
	write_file("node/node0/cpulist", "0-3\n");
	write_file("node/node2/cpulist", "\n");
	write_file("node/node3/cpulist", "8\n");
	write_file("node/online", "0-10\n");
	write_file("node/nodes/cpulist", "0-9\n");
	eng_cpus_parse(&allowed, "2,5,6,30");
	tap_int(eng_nodes_with(found, tmpdir_path("node"), &allowed), 2, "of four nodes, two have processors that are allowed");
	tap_ok(found[0] == 0 && found[1] == 10, "by number");
	tmpdir_end();
}

/* -- this machine ----------------------------------------------------------------------------- */

static void test_this_machine(void)
{
	const struct eng_machine *machine = eng_sys_posix()->machine;
	struct shares shares = {.caller = pthread_self()};
	unsigned node[ENG_NODES_MAX], nodes = machine->nodes(machine->ctx, node);
	struct eng_cpus allowed;
	struct eng_pool *pool;

	eng_cpus_allowed(&allowed);
	tap_ok(machine->processors(machine->ctx) >= 1 && machine->processors(machine->ctx) <= eng_cpus_count(&allowed),
	       "this machine lets us use 1 to %u processors", eng_cpus_count(&allowed));
	if (eng_pool_new(&pool, eng_sys_posix(), 2, ENG_NUMA_AUTO) < 0)
		exit(99);
	eng_pool_workers(pool)->run(eng_pool_workers(pool)->ctx, count, &shares);
	eng_pool_free(pool);
	tap_ok(all_did(&shares, 2, 1), "two workers of its own");
	if (nodes > 1)
		tap_ok(true, "one node, no libnuma # SKIP this machine has %u nodes", nodes);
	else
		tap_ok(!eng_numa_is_loaded(), "it has one node, so libnuma was not opened");
}

/* The one processor that a user left is not widened to a node's. */
static void *settle_narrowed(void *p)
{
	struct eng_cpus one = {{0}}, now;
	unsigned node[ENG_NODES_MAX], first = 0;

	eng_cpus_allowed(&now);
	if (eng_nodes_with(node, "/sys/devices/system/node", &now) == 0)
		return NULL;
	while (!(now.bits[first / ENG_CPU_WORD] >> first % ENG_CPU_WORD & 1))
		first++;
	one.bits[first / ENG_CPU_WORD] = 1ul << first % ENG_CPU_WORD;
	if (eng_cpus_restrict(&one) < 0 || eng_nodes_with(node, "/sys/devices/system/node", &one) != 1)
		return NULL;
	*(int *)p = eng_numa_settle(node[0]);
	eng_cpus_allowed(&now);
	return memcmp(&now, &one, sizeof now) == 0 ? p : NULL;
}

static void test_libnuma(void)
{
	int result = -ENOSYS;
	void *kept = NULL;
	pthread_t t;

	if (pthread_create(&t, NULL, settle_narrowed, &result) != 0)
		exit(99);
	pthread_join(t, &kept);
	if (result == -ENOSYS) {
		tap_ok(true, "libnuma # SKIP not installed, or not supported here");
		return;
	}
	tap_int(result, 0, "libnuma puts a thread on a node");
	tap_ok(kept == &result, "on no processor that was not allowed before");
}

static int whole_life(void *data)
{
	struct eng_pool *pool = NULL;
	int rc = eng_pool_new(&pool, eng_sys_posix(), 3, ENG_NUMA_AUTO);

	(void)data;
	eng_pool_free(pool);
	return rc;
}

int main(void)
{
	test_rounds();
	test_sizes();
	test_no_thread_left();
	test_signals();
	test_nodes();
	test_lists();
	test_quotas();
	test_node_files();
	test_this_machine();
	test_libnuma();
	failalloc_each(whole_life, NULL, "a pool");
	return tap_done();
}
