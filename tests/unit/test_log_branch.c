/* test_log_branch.c - a series that two stores wrote: what each has goes on as a
 * branch, the same on both, whatever is cut off in between.
 *
 * The disk of one store is set back in place (the same inodes), which no mark can
 * see; it writes on and then hears of what it wrote before. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/tap.h"
#include "frame/series.h"
#include "logfix.h"

static struct engram_error err;

/* -- two stores ------------------------------------------------------------------------ */

/* $0 and $1 */
static void shell(const char *script, const char *a, const char *b)
{
	char line[3 * ENG_PATH_MAX];

	snprintf(line, sizeof line, "sh -c '%s' %s %s", script, a, b);
	if (system(line) != 0)
		printf("# failed: %s\n", line);
}

static void set_aside(const struct logfix *f, char out[ENG_PATH_MAX])
{
	snprintf(out, ENG_PATH_MAX, "%s.aside", f->dir);
	shell("rm -rf $1 && cp -a $0 $1", f->dir, out);
}

/* As a disk is set back under a store: same inodes, same birth times, bytes of then. */
static void set_back(const struct logfix *f, const char *aside)
{
	shell("cd $0 && find . -type f | while read p; do if [ -e $1/$p ]; then cat $1/$p >$p; else rm $p; fi; done",
	      f->dir, aside);
	shell("rm -rf $1", "-", aside);
}

/* The i-th series; zeros: there are no more. */
static struct eng_series_info info_at(struct eng_log *log, size_t i)
{
	const struct eng_series_info *info;
	size_t n;

	if (eng_log_refresh(log, &info, &n, &err) < 0 || i >= n)
		return (struct eng_series_info){.last_stamp = 0};
	return info[i];
}

/* All durable frames of a series. */
static void frames_of(struct eng_log *log, struct eng_buf *out, const struct eng_series *series, uint64_t after)
{
	struct eng_cursor *c;
	size_t n = 1;

	eng_buf_reset(out);
	if (eng_cursor_open(&c, log, series, after, UINT64_MAX, NULL, &err) < 0)
		return;
	while (n > 0 && eng_cursor_copy(c, out, &n, UINT64_MAX, 64 << 10, &err) == 0)
		;
	eng_cursor_close(c);
}

/* Everything of one store that the other lacks; 1 = a series is forked. */
static int pull(struct eng_log *to, struct eng_log *from)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_series_info info = info_at(from, 0);
	uint64_t taken;
	int r = 0;

	for (size_t i = 1; r == 0 && info.last_stamp > 0; i++) {
		frames_of(from, &b, &info.series, 0);
		r = eng_log_receive(to, &taken, &info.series, b.p, b.n, &err);
		info = info_at(from, i);
	}
	eng_buf_free(&b);
	return r < 0 ? r : eng_log_receive_flush(to, &err) < 0 ? -1 : r;
}

static bool same_series(struct eng_log *a, struct eng_log *b)
{
	const struct eng_series_info *x, *y;
	size_t n, m;

	if (eng_log_refresh(a, &x, &n, &err) < 0 || eng_log_refresh(b, &y, &m, &err) < 0 || n != m)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct eng_position p, q;

		if (eng_log_head(a, &p, &x[i], &err) < 0 || eng_log_head(b, &q, &y[i], &err) < 0 ||
		    eng_series_cmp(&p.series, &q.series) != 0 || p.seq != q.seq || p.header_check != q.header_check ||
		    x[i].base != y[i].base)
			return false;
	}
	return n > 0;
}

static bool sound(struct eng_log *log)
{
	uint64_t frames, bytes;
	int r = eng_log_check(log, &frames, &bytes, NULL, NULL, &err);

	if (r < 0)
		printf("# check: %s\n", err.message);
	return r == 0;
}

/* Tags from..to, each at least once. */
static bool all_of(const struct logfix_seen *seen, uint64_t from, uint64_t to)
{
	for (uint64_t tag = from; tag <= to; tag++)
		if (!logfix_has(seen, tag)) {
			printf("# tag %llu is lost\n", (unsigned long long)tag);
			return false;
		}
	return true;
}

/* -- a fork ------------------------------------------------------------------------------ */

struct pair {
	struct logfix f[2];
	struct eng_log *log[2];
	struct eng_series forked; /* both wrote it from `seq` on */
	uint64_t seq;
};

/* 1..5 in both; then 6..8 went to the second store; then the first one was set
 * back to 5 and wrote 16..19. */
static void fork_them(struct pair *p, size_t text)
{
	char aside[ENG_PATH_MAX];

	for (size_t i = 0; i < 2; i++)
		logfix_new(&p->f[i]);
	p->log[0] = logfix_open(&p->f[0], true);
	for (uint64_t tag = 1; tag <= 5; tag++)
		logfix_put(p->log[0], tag, text, &err);
	p->forked = info_at(p->log[0], 0).series;
	p->seq = info_at(p->log[0], 0).durable_seq + 1;
	eng_log_close(p->log[0]);
	set_aside(&p->f[0], aside);
	p->log[0] = logfix_open(&p->f[0], true);
	for (uint64_t tag = 6; tag <= 8; tag++)
		logfix_put(p->log[0], tag, text, &err);
	p->log[1] = logfix_open(&p->f[1], true);
	if (pull(p->log[1], p->log[0]) != 0)
		printf("# pull: %s\n", err.message);
	eng_log_close(p->log[0]);
	set_back(&p->f[0], aside);
	p->log[0] = logfix_open(&p->f[0], true);
	for (uint64_t tag = 16; tag <= 19; tag++)
		logfix_put(p->log[0], tag, text, &err);
}

static void done(struct pair *p)
{
	for (size_t i = 0; i < 2; i++) {
		eng_log_close(p->log[i]);
		logfix_free(&p->f[i]);
	}
}

/* Until neither lacks anything. */
static bool exchange_all(struct pair *p)
{
	int r = 0;

	for (int round = 0; round < 3 && r == 0; round++) {
		r = pull(p->log[0], p->log[1]);
		if (r == 0)
			r = pull(p->log[1], p->log[0]);
	}
	if (r != 0)
		printf("# exchange: %d %s\n", r, err.message);
	return r == 0 && same_series(p->log[0], p->log[1]);
}

static int find_birth(struct eng_log *log, struct eng_birth *out, const struct eng_series *series)
{
	struct eng_cursor *c;
	struct eng_frame f;
	int r = eng_cursor_open(&c, log, series, 0, 1, NULL, &err);

	if (r < 0)
		return r;
	r = eng_cursor_next(c, &f, &err);
	if (r == 1)
		r = eng_birth_decode(out, f.payload, f.h.payload_len, &err);
	eng_cursor_close(c);
	return r;
}

static void test_fork(void)
{
	struct logfix_seen seen;
	struct eng_appended a;
	struct eng_birth birth;
	struct eng_position at;
	struct pair p;

	fork_them(&p, 100);
	tap_int(pull(p.log[0], p.log[1]), ENG_LOG_FORKED, "the store set back hears of what it wrote before");
	tap_int(pull(p.log[1], p.log[0]), ENG_LOG_FORKED, "and its peer of what it wrote since");
	for (size_t i = 0; i < 2; i++) {
		tap_int(eng_log_split(p.log[i], &p.forked, p.seq, &err), 0, "split");
		tap_int(eng_log_split(p.log[i], &p.forked, p.seq, &err), 0, "again");
		tap_ok(sound(p.log[i]), "every byte is sound");
		tap_ok(eng_log_discard_derived(p.log[i]), "what is derived must go");
	}
	tap_ok(p.f[0].notices == 1 && strstr(p.f[0].notice, "written by two stores from frame 7 on"), "said once: %s",
	       p.f[0].notice);
	tap_int(logfix_append(p.log[0], &a, 20, 100, &err) | eng_log_flush(p.log[0], &err), 0, "a store goes on");
	tap_ok(eng_series_cmp(&a.series, &p.forked) != 0, "in a series of its own");
	tap_int(find_birth(p.log[0], &birth, &a.series), 0, "which has a birth");
	tap_int(eng_log_check_at(p.log[0], &at.header_check, &p.forked, p.seq - 1, &err), 0, "the last common frame");
	tap_ok(birth.reason == ENG_BIRTH_FORK && birth.parent.seq == p.seq - 1 &&
	       birth.parent.header_check == at.header_check && eng_series_cmp(&birth.parent.series, &p.forked) == 0,
	       "from the last frame before the fork");
	tap_ok(exchange_all(&p), "after an exchange both have the same series");
	for (size_t i = 0; i < 2; i++) {
		tap_int(logfix_read(&p.f[i], &seen, &err), 0, "read");
		tap_ok(seen.n == 13 && all_of(&seen, 1, 8) && all_of(&seen, 16, 20), "all that was ever stored, once");
		eng_log_close(p.log[i]);
		p.log[i] = logfix_open(&p.f[i], true);
		tap_ok(p.log[i] && sound(p.log[i]), "and so it stays");
	}
	tap_ok(same_series(p.log[0], p.log[1]), "on both");
	done(&p);
}

/* -- where the fork is ---------------------------------------------------------------------- */

/* Text of 3 MiB: a fork in the middle, at the begin of a segment, in one before the last. */
static void test_segments(void)
{
	struct logfix_seen seen;

	for (uint64_t seq = 1; seq <= 10; seq++) {
		struct eng_appended a;
		struct logfix f;
		struct eng_log *log;
		uint64_t bytes;
		bool ok;

		logfix_new(&f);
		log = logfix_open(&f, true);
		for (uint64_t tag = 2; tag <= 10; tag++)
			logfix_append(log, &a, tag, 3 << 20, &err);
		eng_log_flush(log, &err);
		bytes = eng_log_bytes(log);
		ok = eng_log_split(log, &a.series, seq, &err) == 0 && sound(log) && logfix_read(&f, &seen, &err) == 0 &&
		     seen.n == 9 && all_of(&seen, 2, 10) && eng_log_bytes(log) < bytes + (4 << 20);
		eng_log_close(log);
		log = logfix_open(&f, true);
		ok = ok && sound(log) && logfix_read(&f, &seen, &err) == 0 && seen.n == 9;
		tap_ok(ok && logfix_put(log, 11, 100, &err) == 0, "from frame %u on", (unsigned)seq);
		eng_log_close(log);
		logfix_free(&f);
	}
}

/* Points heard in any order end the same. */
static void test_two_points(void)
{
	struct pair p;

	fork_them(&p, 50);
	tap_int(eng_log_split(p.log[0], &p.forked, p.seq, &err), 0, "the point first");
	tap_int(eng_log_split(p.log[0], &p.forked, p.seq + 2, &err), 0, "then one behind it, in a branch");
	tap_int(eng_log_split(p.log[0], &p.forked, p.seq - 3, &err), 0, "then one before it");
	tap_int(eng_log_split(p.log[1], &p.forked, p.seq + 2, &err), 0, "the other one first");
	tap_int(eng_log_split(p.log[1], &p.forked, p.seq - 3, &err), 0, "then the least");
	tap_int(eng_log_split(p.log[1], &p.forked, p.seq, &err), 0, "then the one between");
	tap_ok(exchange_all(&p), "both have the same series");
	tap_ok(sound(p.log[0]) && sound(p.log[1]), "sound");
	done(&p);
}

/* -- what fails ------------------------------------------------------------------------------- */

static void test_places(void)
{
	struct eng_place place[2] = {{0}};
	struct eng_buf b = ENG_BUF_INIT;
	uint32_t check[2];
	struct eng_frame f;
	struct pair p;
	size_t n = 0;

	fork_them(&p, 100);
	eng_log_split(p.log[0], &p.forked, p.seq, &err);
	eng_log_split(p.log[1], &p.forked, p.seq, &err);
	exchange_all(&p);
	for (size_t i = 0; n < 2; i++) {
		struct eng_series_info info = info_at(p.log[0], i);
		struct eng_cursor *c;

		if (info.durable_seq == 0)
			break;
		if (info.base + 1 != p.seq)
			continue;
		if (eng_cursor_open(&c, p.log[0], &info.series, 0, p.seq, NULL, &err) == 0 &&
		    eng_cursor_next(c, &f, &err) == 1) {
			place[n] = f.place;
			check[n++] = f.h.header_check;
		}
		eng_cursor_close(c);
	}
	tap_ok(n == 2 && place[0].offset == place[1].offset && check[0] != check[1], "two frames of one number");
	for (size_t i = 0; i < n; i++)
		tap_ok(eng_log_read(p.log[0], &f, &b, &p.forked, p.seq, place[i], &err) == 0 &&
		       f.h.header_check == check[i], "each is found where it lies");
	eng_buf_free(&b);
	done(&p);
}

/* A split whose n-th operation fails is done by the next one who writes. */
static void test_nth(void)
{
	struct logfix_seen seen;
	unsigned wrong = 0;
	long n = 1;

	for (;; n++) {
		struct pair p;
		int r;

		fork_them(&p, 300);
		logfix_fail(&p.f[0], LOGFIX_ALL, n, ENOSPC, false);
		r = eng_log_split(p.log[0], &p.forked, p.seq, &err);
		logfix_fail(&p.f[0], 0, 0, 0, false);
		wrong += logfix_read(&p.f[0], &seen, &err) != 0 || !all_of(&seen, 1, 5) || !all_of(&seen, 16, 19);
		eng_log_close(p.log[0]);
		p.log[0] = logfix_open(&p.f[0], true);
		wrong += !p.log[0] || eng_log_split(p.log[0], &p.forked, p.seq, &err) < 0 || !sound(p.log[0]);
		wrong += logfix_read(&p.f[0], &seen, &err) != 0 || seen.n != 9 || !all_of(&seen, 1, 5) ||
		         !all_of(&seen, 16, 19);
		if (wrong)
			printf("# operation %ld: %s\n", n, err.message);
		done(&p);
		if (r == 0 || wrong)
			break;
	}
	tap_ok(wrong == 0 && n > 20, "each of %ld operations fails in turn: nothing is lost", n - 1);
}

/* A branch is no branch if its first frame does not give its name. */
static void test_refusals(void)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_series name;
	uint64_t taken;
	struct pair p;

	fork_them(&p, 100);
	frames_of(p.log[0], &b, &p.forked, p.seq - 1);
	eng_branch_name(&name, b.p);
	name.b[5] ^= 1;
	tap_int(eng_log_receive(p.log[1], &taken, &name, b.p, b.n, &err), ENGRAM_EINPUT, "a wrong name is refused");
	name.b[5] ^= 1;
	tap_int(eng_log_receive(p.log[1], &taken, &name, b.p + 208, 100, &err), ENGRAM_EINPUT, "so is half a frame");
	tap_int(eng_log_receive(p.log[1], &taken, &name, b.p, b.n, &err), 0, "the right one is taken");
	tap_int((long)taken, 4, "with all its frames");
	tap_int(eng_log_receive(p.log[1], &taken, &name, b.p, b.n, &err), 0, "twice");
	tap_int((long)taken, 0, "is once");
	frames_of(p.log[0], &b, &p.forked, p.seq - 2);
	tap_int(eng_log_receive(p.log[1], &taken, &name, b.p, b.n, &err), ENGRAM_EINPUT, "what lies before it is not of it");
	eng_log_receive_flush(p.log[1], &err);
	eng_log_close(p.log[1]);
	p.log[1] = logfix_open(&p.f[1], true);
	tap_ok(same_series(p.log[1], p.log[1]) && info_at(p.log[1], 0).durable_seq > 0, "opening again");
	tap_ok(sound(p.log[1]), "finds the series split for its branch, and sound");
	eng_buf_free(&b);
	done(&p);
}

int main(void)
{
	test_fork();
	test_segments();
	test_two_points();
	test_places();
	test_nth();
	test_refusals();
	return tap_done();
}
