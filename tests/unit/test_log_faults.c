/* test_log_faults.c - the n-th file operation fails, the n-th allocation
 * fails, the disk is full, flushes fail: nothing acknowledged is lost, nothing is
 * half there, and when the fault is gone everything works again. */
#include <errno.h>

#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "logfix.h"

static struct engram_error err;

/* -- the n-th operation ------------------------------------------------------------ */

/* What was acknowledged, by tag - 1. */
struct promise {
	bool acked[64];
};

/* A life: first series, puts, a rotation, a frame over two steps, a stub. */
static int live(struct logfix *f, struct promise *p)
{
	struct eng_log_options o = logfix_options(f, true);
	const struct eng_series_info *info;
	uint64_t stubbed, freed;
	struct eng_kill kill;
	struct eng_log *log;
	size_t n;
	int r = eng_log_open(&log, &f->sys, &o, &err);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < 6; i++) {
		int q = logfix_put(log, 1 + i, i == 3 ? 200000 : 50, &err);

		p->acked[i] |= q == 0;
		r = r ? r : q;
		if (i == 2) {
			q = eng_log_rotate(log, &err);
			r = r ? r : q;
		}
	}
	if (r == 0 && (r = eng_log_refresh(log, &info, &n, &err)) == 0) {
		kill = (struct eng_kill){.dot = {info[0].series, 3}, .killer = {info[0].series, 7}};
		r = eng_log_stub(log, &stubbed, &freed, &kill, 1, &err);
	}
	eng_log_close(log);
	return r;
}

/* Everything promised is there, and a writer can go on. */
static const char *judge(struct logfix *f, const struct promise *p)
{
	struct logfix_seen seen;
	uint64_t frames, bytes;
	struct eng_log *log;
	int r;

	if (logfix_read(f, &seen, &err) < 0)
		return "not readable";
	for (unsigned i = 0; i < 6; i++)
		if (p->acked[i] && !logfix_has(&seen, 1 + i))
			return "an acknowledged frame is lost";
	log = logfix_open(f, true);
	if (!log)
		return "not writable";
	r = logfix_put(log, 50, 40, &err);
	if (r == 0)
		r = eng_log_check(log, &frames, &bytes, NULL, NULL, &err);
	eng_log_close(log);
	if (r < 0)
		return "cannot go on";
	if (logfix_read(f, &seen, &err) < 0 || !logfix_has(&seen, 50))
		return "the next frame is lost";
	if (seen.series > 1)
		return "taken for a copy";
	return NULL;
}

static void each_operation(unsigned ops, int error, bool on, const char *name)
{
	unsigned bad = 0, told = 0;
	long n = 0;

	for (bool more = true; more; ) {
		struct promise p = {{false}};
		struct logfix f;
		const char *problem;
		int r;

		logfix_new(&f);
		logfix_fail(&f, ops, ++n, error, on);
		r = live(&f, &p);
		more = f.calls >= n;
		told += r < 0;
		logfix_fail(&f, 0, 0, 0, false);
		problem = judge(&f, &p);
		if (problem && bad++ < 5)
			printf("# %s, operation %ld: %s: %s\n", name, n, problem, err.message);
		logfix_free(&f);
	}
	tap_int(bad, 0, "%s: each of %ld operations, %u told", name, n - 1, told);
	tap_ok(told > 0, "and failures are told");
}

static void test_operations(void)
{
	each_operation(LOGFIX_OPEN, EMFILE, false, "one open fails");
	each_operation(LOGFIX_READ, EIO, false, "one read fails");
	each_operation(LOGFIX_WRITE, EIO, false, "one write fails");
	each_operation(LOGFIX_WRITE, ENOSPC, true, "the disk is full from one write on");
	each_operation(LOGFIX_RESERVE | LOGFIX_WRITE, ENOSPC, true,
	               "the disk is full, and fallocate says so");
	each_operation(LOGFIX_SYNC, EIO, false, "one flush fails");
	each_operation(LOGFIX_SYNC, EIO, true, "flushes fail from one on");
	each_operation(LOGFIX_OTHER, EIO, false, "one other operation fails");
	each_operation(LOGFIX_ALL, EIO, true, "everything fails from one on");
}

/* -- the n-th allocation -------------------------------------------------------------- */

static int live_and_read(void *data)
{
	struct promise p = {{false}};
	struct logfix_seen seen;
	struct logfix f;
	int r;

	logfix_new(&f);
	err = (struct engram_error){0};
	r = live(&f, &p);
	if (r == 0)
		r = logfix_read(&f, &seen, &err);
	logfix_free(&f);
	return r;
}

/* -- a full disk ------------------------------------------------------------------------- */

static void test_full_disk(void)
{
	struct logfix_seen seen;
	struct logfix f;
	struct eng_log *log;
	struct eng_draft forget;
	struct eng_appended a;
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_payload_out o;
	struct engram_id id = {{1}};
	unsigned taken = 0;

	logfix_new(&f);
	log = logfix_open(&f, true);
	tap_int(logfix_put(log, 1, 100, &err), 0, "put");
	logfix_fail(&f, LOGFIX_RESERVE, 1, ENOSPC, true);
	while (taken < 2000 && logfix_put(log, 2 + taken, 100, &err) == 0)
		taken++;
	tap_ok(taken > 100 && taken < 2000, "what is reserved is used: %u frames", taken);
	tap_int(err.code, ENGRAM_EDISKFULL, "then the disk is full: %s", err.message);
	eng_payload_begin(&o, &b, &id, 1, NULL, 0, NULL);
	eng_payload_end(&o);
	forget = (struct eng_draft){ENG_FORGET, 0, b.p, (uint32_t)b.n};
	tap_int(eng_log_append(log, &a, &forget, 1, 0, &err) | eng_log_flush(log, &err), 0,
	        "a forget still has room");
	tap_int(logfix_put(log, 5000, 100, &err), ENGRAM_EDISKFULL, "a memory has not");
	logfix_fail(&f, 0, 0, 0, false);
	tap_int(logfix_put(log, 5000, 100, &err), 0, "with space again it goes on");
	eng_log_close(log);
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(seen.n == taken + 2 && seen.series == 1, "nothing lost, nothing spoilt");
	eng_buf_free(&b);
	logfix_free(&f);
}

/* Steps are halved down to the frame before the disk counts as full. */
static void test_nearly_full(void)
{
	struct logfix f;
	struct eng_log *log;
	unsigned taken = 0;

	logfix_new(&f);
	log = logfix_open(&f, true);
	tap_int(logfix_put(log, 1, 100, &err), 0, "put");
	for (; taken < 3000; taken++) {
		logfix_fail(&f, LOGFIX_RESERVE, 1, ENOSPC, false);
		if (logfix_put(log, 2 + taken, 100, &err) != 0)
			break;
	}
	tap_int(taken, 3000, "a step that does not fit becomes a smaller one: %s", err.message);
	eng_log_close(log);
	logfix_free(&f);
}

/* No fallocate at all. */
static void test_no_reserve(void)
{
	struct logfix f;
	struct eng_log *log;

	logfix_new(&f);
	logfix_fail(&f, LOGFIX_RESERVE, 1, EOPNOTSUPP, true);
	log = logfix_open(&f, true);
	tap_int(logfix_put(log, 1, 300000, &err), 0, "without fallocate the zeros do: %s", err.message);
	eng_log_close(log);
	logfix_free(&f);
}

/* -- a failed flush ---------------------------------------------------------------------- */

/* Two writers share a flush that fails: neither is acknowledged, and what comes
 * afterwards lies in a new segment, in the seqs of the void frames. */
static void test_failed_flush(void)
{
	const struct eng_series_info *info;
	struct logfix_seen seen;
	struct eng_log *a, *b;
	struct eng_appended x, y;
	struct logfix f;
	size_t n;

	logfix_new(&f);
	a = logfix_open(&f, true);
	b = logfix_open(&f, true);
	tap_int(logfix_put(a, 1, 30, &err), 0, "put");
	tap_int(logfix_append(a, &x, 2, 30, &err) | logfix_append(b, &y, 3, 30, &err), 0, "two append");
	logfix_fail(&f, LOGFIX_SYNC, 1, EIO, false);
	tap_int(eng_log_flush(a, &err), ENGRAM_EIO, "the flush fails: %s", err.message);
	tap_int(eng_log_flush(b, &err), ENGRAM_EIO, "for the other too: %s", err.message);
	logfix_fail(&f, 0, 0, 0, false);
	tap_int(logfix_append(b, &y, 4, 30, &err) | eng_log_flush(b, &err), 0, "the next one");
	tap_int(y.first_seq, x.first_seq, "takes the place of the void ones");
	tap_int(logfix_put(a, 5, 30, &err), 0, "and the first goes on");
	tap_int(eng_log_refresh(a, &info, &n, &err), 0, "refresh");
	tap_ok(n == 1 && info->durable_seq == 4, "one series, four frames");
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(seen.n == 3 && !logfix_has(&seen, 2) && !logfix_has(&seen, 3), "the void frames are not");
	eng_log_close(a);
	eng_log_close(b);
	f.boot = 4711;
	a = logfix_open(&f, true);
	tap_int(logfix_put(a, 6, 30, &err), 0, "after a reboot");
	eng_log_close(a);
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(seen.n == 4 && seen.series == 1, "still not");
	logfix_free(&f);
}

/* Appended before and after a failure through one handle, then flushed. */
static void test_failure_between(void)
{
	struct logfix_seen seen;
	struct eng_log *a, *b;
	struct logfix f;

	logfix_new(&f);
	a = logfix_open(&f, true);
	b = logfix_open(&f, true);
	tap_int(logfix_append(a, NULL, 1, 30, &err) | logfix_append(b, NULL, 2, 30, &err), 0, "two append");
	logfix_fail(&f, LOGFIX_SYNC, 1, EIO, false);
	tap_int(eng_log_flush(b, &err), ENGRAM_EIO, "the flush of one fails");
	logfix_fail(&f, 0, 0, 0, false);
	tap_int(logfix_append(a, NULL, 3, 30, &err), 0, "the other appends once more");
	tap_int(eng_log_flush(a, &err), ENGRAM_EIO, "and is told that not all of it is stored");
	tap_int(logfix_put(a, 4, 30, &err), 0, "from there on all is well");
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(logfix_has(&seen, 4) && !logfix_has(&seen, 1), "what was told is true");
	eng_log_close(a);
	eng_log_close(b);
	logfix_free(&f);
}

int main(void)
{
	test_operations();
	failalloc_each(live_and_read, NULL, "a life of the log");
	test_full_disk();
	test_nearly_full();
	test_no_reserve();
	test_failed_flush();
	test_failure_between();
	return tap_done();
}
