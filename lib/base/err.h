/* err.h - filling in struct engram_error.
 *
 * Each setter returns the code it was given, so that a failure is one line:
 *
 *     return eng_err(err, ENGRAM_EINPUT, "byte %zu: not UTF-8", at);
 *
 * On the way up a caller may prefix the place: eng_err_prefix(err, "log %s", path). */
#ifndef ENG_BASE_ERR_H
#define ENG_BASE_ERR_H

#include "engram.h"

#define ENG_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Sets code and message, clears object, hint and os. */
int eng_err(struct engram_error *err, int code, const char *format, ...) ENG_PRINTF(3, 4);

/* From errno (positive): chooses the code (ENOSPC and EDQUOT: EDISKFULL;
 * EACCES, EPERM: EPERM; EROFS: ECREATE; EMFILE, ENFILE: ELIMIT; ENOMEM:
 * ENOMEM; ENOENT: ENOFILE; EAGAIN, EBUSY: EBUSY; else EIO); the message is
 * "format: strerror text". */
int eng_err_os(struct engram_error *err, int os, const char *format, ...) ENG_PRINTF(3, 4);

int eng_err_nomem(struct engram_error *err);

/* "prefix: message". */
void eng_err_prefix(struct engram_error *err, const char *format, ...) ENG_PRINTF(2, 3);
void eng_err_object(struct engram_error *err, const char *object);
void eng_err_hint(struct engram_error *err, const char *format, ...) ENG_PRINTF(2, 3);

#endif
