/* tmpdir.h - a fresh directory for one test program, removed at its end.
 *
 *     const char *dir = tmpdir_begin("store");
 *     ... tmpdir_path("a.mdb") ...
 *     tmpdir_end();
 */
#ifndef TMPDIR_H
#define TMPDIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char tmpdir_[512];

static const char *tmpdir_begin(const char *name)
{
	const char *base = getenv("TMPDIR");

	snprintf(tmpdir_, sizeof tmpdir_, "%s/engram-test-%s.XXXXXX", base && *base ? base : "/tmp", name);
	if (!mkdtemp(tmpdir_)) {
		printf("Bail out! mkdtemp %s\n", tmpdir_);
		exit(1);
	}
	return tmpdir_;
}

/* One of eight buffers of this thread, in turn. */
__attribute__((unused)) static const char *tmpdir_path(const char *name)
{
	static _Thread_local char paths[8][768];
	static _Thread_local unsigned at;
	char *out = paths[at++ % 8];

	snprintf(out, sizeof paths[0], "%s/%s", tmpdir_, name);
	return out;
}

static int tmpdir_remove_(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void tmpdir_end(void)
{
	nftw(tmpdir_, tmpdir_remove_, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
