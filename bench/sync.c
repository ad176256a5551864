/* sync.c - what a session costs, and what a stream of frames carries.
 *
 *     sync DIR PAIR_A PAIR_B STREAM
 *
 * PAIR_A and PAIR_B are homes with equal spaces of many series; STREAM is the
 * home of a space of frames of about 1 KiB.  DIR is for what is made here.
 *
 * A session between equals: two processes, one socket pair that stays open.
 * The stream: a process sends its space into a pipe whose reader throws it away, in
 * turn with a bare program that reads as many bytes of the segments, checks each KiB
 * with XXH3, writes them to a pipe, and whose reader checks each KiB again.
 * The durable log: send and receive over a pipe in turn with rsync -W --fsync of the
 * segments, without the applying that a receive ends with.  Last, what PAIR_A holds is
 * received and applied to the state, the text view left behind. */
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "engram.h"
#include "measure.h"

#define SESSIONS 200
#define ROUNDS 5
#define PAIRS 15
#define CHUNK (1u << 18)
#define BLOCK 1024u

static void check(int r, const struct engram_error *e)
{
	if (r < 0)
		measure_die("%s", e->message);
}

struct open_space {
	struct engram_home *home;
	struct engram_space *space;
};

static struct open_space open_space(const char *dir, unsigned flags)
{
	struct engram_error e = {0};
	struct open_space s;

	check(engram_home_open(&s.home, dir, &e), &e);
	check(engram_space_open(&s.space, s.home, "default", flags, 10000, &e), &e);
	return s;
}

static void close_space(struct open_space *s)
{
	engram_space_close(s->space);
	engram_home_close(s->home);
}

static void wait_for(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		measure_die("%s: failed", what);
}

/* -- a session between equals -------------------------------------------------- */

static struct engram_sync_report session(const struct open_space *s, int fd)
{
	struct engram_sync_options o = {.flags = ENGRAM_GIVE | ENGRAM_TAKE, .timeout_ms = 60000};
	struct engram_sync_report report;
	struct engram_error e = {0};

	check(engram_sync(s->space, &report, &o, fd, fd, &e), &e);
	return report;
}

/* One end may read ahead, so the next session begins when both have ended the last. */
static void meet(int fd)
{
	char c = 0;

	if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
		measure_die("the peer is gone");
}

static void equals(const char *a, const char *b)
{
	struct engram_sync_report r = {0};
	struct samples times = {0};
	struct open_space s;
	int fd[2], turn[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) || socketpair(AF_UNIX, SOCK_STREAM, 0, turn))
		measure_die("socketpair");
	pid = fork();
	if (pid == 0) {
		close(fd[0]), close(turn[0]);
		s = open_space(b, ENGRAM_WRITE);
		for (int i = 0; i < SESSIONS; i++) {
			meet(turn[1]);
			session(&s, fd[1]);
		}
		close_space(&s);
		_exit(0);
	}
	close(fd[1]), close(turn[1]);
	s = open_space(a, ENGRAM_WRITE);
	for (int i = 0; i < SESSIONS; i++) {
		int64_t t;

		meet(turn[0]);
		t = measure_ns();
		r = session(&s, fd[0]);
		if (!r.compared || !r.equal)
			measure_die("the two spaces are not equal");
		if (i > 10) /* warm: what was open for the first is looked up */
			samples_add(&times, measure_ns() - t);
	}
	wait_for(pid, "the peer");
	close(fd[0]), close(turn[0]);
	close_space(&s);
	measure_times("sync", "session between equals", &times);
	measure_floor("sync", "bytes of a session between equals, both ways", MEASURE_EXTRA,
	              (double)(r.bytes_in + r.bytes_out), 1024, true);
	measure_floor("sync", "microseconds of it", MEASURE_EXTRA, (double)samples_at(&times, 500) / 1e3, 2000, true);
	samples_free(&times);
}

/* -- a stream to a reader that throws it away ------------------------------------- */

static uint64_t drain(int fd, bool checked)
{
	static unsigned char b[CHUNK];
	uint64_t bytes = 0, sum = 0;
	size_t have = 0;
	ssize_t n;

	while ((n = read(fd, b + have, sizeof b - have)) > 0) {
		bytes += (uint64_t)n;
		have += (size_t)n;
		for (size_t at = 0; checked && at + BLOCK <= have; at += BLOCK)
			sum += XXH3_64bits(b + at, BLOCK);
		memmove(b, b + (checked ? have - have % BLOCK : have), checked ? have % BLOCK : 0);
		have = checked ? have % BLOCK : 0;
	}
	if (n < 0 || sum == 1)
		measure_die("read");
	return bytes;
}

static void write_all(int fd, const unsigned char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w <= 0)
			measure_die("write");
		p += w;
		n -= (size_t)w;
	}
}

static void send_space(const char *home, int fd)
{
	struct engram_sync_options o = {.flags = ENGRAM_GIVE};
	struct open_space s = open_space(home, ENGRAM_READ);
	struct engram_sync_report report;
	struct engram_error e = {0};

	check(engram_send(s.space, &report, &o, fd, &e), &e);
	close_space(&s);
}

static glob_t segments(const char *home)
{
	char pattern[4096];
	glob_t g;

	snprintf(pattern, sizeof pattern, "%s/spaces/default/log/*/*.wal", home);
	if (glob(pattern, 0, NULL, &g) || g.gl_pathc == 0)
		measure_die("%s: no segments", home);
	return g;
}

static void send_bare(const char *home, int fd)
{
	static unsigned char b[CHUNK];
	glob_t g = segments(home);
	uint64_t sum = 0;

	for (size_t i = 0; i < g.gl_pathc; i++) {
		int in = open(g.gl_pathv[i], O_RDONLY | O_CLOEXEC);
		ssize_t n;

		while ((n = read(in, b, sizeof b)) > 0) {
			for (size_t at = 0; at + BLOCK <= (size_t)n; at += BLOCK)
				sum += XXH3_64bits(b + at, BLOCK);
			write_all(fd, b, (size_t)n);
		}
		close(in);
	}
	if (sum == 1)
		measure_die("read");
	globfree(&g);
}

/* A child that sends into a pipe: what to read it from. */
static int start_sender(pid_t *pid, const char *home, void (*send)(const char *, int))
{
	int fd[2];

	if (pipe(fd))
		measure_die("pipe");
	fcntl(fd[1], F_SETPIPE_SZ, 1 << 20); /* as our sessions do: the bare one must not wait more often */
	*pid = fork();
	if (*pid == 0) {
		close(fd[0]);
		send(home, fd[1]);
		_exit(0);
	}
	close(fd[1]);
	return fd[0];
}

/* Bytes a second through a pipe. */
static double through_pipe(const char *home, void (*send)(const char *, int), bool checked)
{
	int64_t t = measure_ns();
	pid_t pid;
	int fd = start_sender(&pid, home, send);
	uint64_t bytes = drain(fd, checked);

	close(fd);
	wait_for(pid, "the sender");
	return (double)bytes * 1e9 / (double)(measure_ns() - t);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

static void pair(double *ours, double *bare, const char *home, bool ours_first)
{
	if (ours_first)
		*ours = through_pipe(home, send_space, false);
	*bare = through_pipe(home, send_bare, true);
	if (!ours_first)
		*ours = through_pipe(home, send_space, false);
}

/* What else the machine does for a while meets both of a pair: its ratio counts.  Of the
 * first, which warms what the rest reads, nothing does. */
static void stream(const char *home)
{
	double ours[PAIRS], bare[PAIRS], ratio[PAIRS];

	pair(ours, bare, home, true);
	for (int i = 0; i < PAIRS; i++) {
		pair(&ours[i], &bare[i], home, i % 2);
		ratio[i] = ours[i] / bare[i];
	}
	measure_rate("sync", "frames of 1 KiB, verified, through a pipe", "MB/s", median(ours, PAIRS) / 1e6);
	measure_rate("sync", "bare pipe, XXH3 at both ends", "MB/s", median(bare, PAIRS) / 1e6);
	measure_floor("sync", "bytes/s of frames through a pipe / bare checked pipe, median of pairs", MEASURE_RATIO,
	              median(ratio, PAIRS), 0.6, false);
}

/* -- into the durable log ------------------------------------------------------------- */

/* What it took to apply what was received, once that was durable. */
static double receive_space(const char *home, int fd)
{
	struct engram_sync_options o = {.flags = ENGRAM_TAKE};
	struct open_space s = open_space(home, ENGRAM_CREATE | ENGRAM_WRITE);
	struct engram_sync_report report;
	struct engram_error e = {0};

	check(engram_receive(s.space, &report, &o, fd, &e), &e);
	close_space(&s);
	return (double)(report.elapsed_us - report.durable_us) / 1e6;
}

/* Until all was durable; *apply: and then, to apply it. */
static double receive_seconds(double *apply, const char *from, const char *to)
{
	int64_t t = measure_ns();
	pid_t pid;
	int fd = start_sender(&pid, from, send_space);

	*apply = receive_space(to, fd);
	t = measure_ns() - t;
	close(fd);
	wait_for(pid, "the sender");
	return (double)t / 1e9 - *apply;
}

static double rsync_seconds(const char *from, const char *to)
{
	char source[4096];
	int64_t t = measure_ns();
	pid_t pid;

	snprintf(source, sizeof source, "%s/spaces/default/log/", from);
	pid = fork();
	if (pid == 0) {
		execlp("rsync", "rsync", "-rW", "--fsync", source, to, (char *)NULL);
		_exit(127);
	}
	wait_for(pid, "rsync (is it installed?)");
	return (double)(measure_ns() - t) / 1e9;
}

static void durable(const char *dir, const char *from)
{
	double ours[ROUNDS], peer[ROUNDS], apply;
	char to[4096];

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(to, sizeof to, "%s/received-%d", dir, i);
		ours[i] = receive_seconds(&apply, from, to);
		snprintf(to, sizeof to, "%s/copied-%d", dir, i);
		peer[i] = rsync_seconds(from, to);
	}
	measure_rate("sync", "received into the durable log", "s", median(ours, ROUNDS));
	measure_rate("sync", "rsync -W --fsync", "s", median(peer, ROUNDS));
	measure_floor("sync", "rate into the durable log / rsync -W --fsync", MEASURE_RATIO,
	              median(peer, ROUNDS) / median(ours, ROUNDS), 0.8, false);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double frames_applied(struct engram_space *space)
{
	struct engram_space_info info;
	struct engram_error e = {0};

	check(engram_space_info(space, &info, &e), &e);
	return info.unapplied ? 0 : (double)info.frames;
}

static void applied(const char *dir, const char *from)
{
	struct engram_sync_options o = {.flags = ENGRAM_GIVE | ENGRAM_TAKE};
	struct open_space here, peer = open_space(from, ENGRAM_WRITE);
	struct engram_sync_report report;
	struct engram_error e = {0};
	char to[4096];
	double frames, received_s, apply_s, cpu_s = cpu_seconds();

	snprintf(to, sizeof to, "%s/applied", dir);
	received_s = receive_seconds(&apply_s, from, to);
	cpu_s = cpu_seconds() - cpu_s;
	here = open_space(to, ENGRAM_WRITE);
	frames = frames_applied(here.space);
	check(engram_sync_space(here.space, &report, &o, peer.space, &e), &e);
	if (!report.equal || frames == 0)
		measure_die("%s: not all was applied", to);
	measure_rate("sync", "records of 100 series received into the durable log", "/s", frames / received_s);
	measure_rate("sync", "records applied to the state, elapsed", "/s", frames / apply_s);
	measure_floor("sync", "records/s of one core received and applied to the state, text view behind", MEASURE_EXTRA,
	              frames / cpu_s, 100000, false);
	close_space(&here);
	close_space(&peer);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		measure_die("usage: sync DIR PAIR_A PAIR_B STREAM");
	equals(argv[2], argv[3]);
	stream(argv[4]);
	durable(argv[1], argv[4]);
	applied(argv[1], argv[2]);
	return 0;
}
