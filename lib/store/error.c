/* error.c - LMDB's results folded into the library's one family of codes.
 *
 * LMDB answers an errno (positive) or one of its own codes (negative).  Full
 * disk, full map, full reader table and damage are ordinary cases with their
 * own codes, since callers treat them differently: a damaged derived file is
 * rebuilt, a full disk is not. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/store_int.h"

static int code_of(int rc)
{
	switch (rc) {
	case MDB_MAP_FULL:
	case MDB_DBS_FULL:
	case MDB_TXN_FULL:
	case MDB_MAP_RESIZED:
	case EFBIG:
		return ENGRAM_ELIMIT;
	case MDB_READERS_FULL:
		return ENGRAM_EBUSY;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_NOTFOUND:
	case MDB_INCOMPATIBLE:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
		return ENGRAM_EDAMAGED;
	case MDB_VERSION_MISMATCH:
		return ENGRAM_EVERSION;
	case MDB_PANIC:
		return ENGRAM_EIO;
	default:
		return ENGRAM_EINTERNAL; /* BAD_TXN, BAD_DBI, BAD_RSLOT, BAD_VALSIZE, KEYEXIST: our mistake */
	}
}

static void hint(const struct eng_store *s, struct engram_error *err, int rc)
{
	if (rc == MDB_MAP_FULL || rc == MDB_MAP_RESIZED)
		eng_err_hint(err, "the address space allows a map of %llu MiB only; raise the limit (ulimit -v)",
		             (unsigned long long)(s->env->map_size >> 20));
	else if (rc == EAGAIN)
		eng_err_hint(err, "two containers that share this store have equal process ids: run them in one "
		             "pid namespace");
	else if (code_of(rc) == ENGRAM_EDAMAGED)
		eng_err_hint(err, "engram-consolidate --rebuild derives it anew from the log");
	else if (rc == MDB_READERS_FULL)
		eng_err_hint(err, "1,024 readers are at work; try again");
}

int eng_store_err(const struct eng_store *s, struct engram_error *err, int rc, const char *format, ...)
{
	char what[200];
	va_list ap;
	int code;

	va_start(ap, format);
	vsnprintf(what, sizeof what, format, ap);
	va_end(ap);
	if (rc > 0 && rc != EFBIG)
		code = eng_err_os(err, rc, "%s: %s", s->path, what);
	else
		code = eng_err(err, code_of(rc), "%s: %s: %s", s->path, what, mdb_strerror(rc));
	hint(s, err, rc);
	return code;
}

int eng_store_usable(const struct eng_store *s, struct engram_error *err)
{
	if (s->env->pid == eng_sys_pid())
		return 0;
	return eng_err(err, ENGRAM_EUSAGE, "%s: opened by process %u, used by its child %u", s->path,
	               (unsigned)s->env->pid, (unsigned)eng_sys_pid());
}
