/* err.c - errors: the table of codes, and the setters of struct engram_error.
 *
 * Every setter formats into a local buffer first, so that a caller may quote
 * the old message inside the new one.  A message that does not fit is cut
 * between characters, never inside one. */
#include "config.h"

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

struct code_entry {
	const char *name;
	const char *text;
	int code;
	int exit;
	bool retry;
};

static const struct code_entry code_table[] = {
	{"ok", "done", 0, 0, false},
#define X(name, number, exit, code, retry, text) {code, text, number, exit, retry},
	ENGRAM_ERRORS(X)
#undef X
};

/* A code that is not ours is a defect of the caller: it reads as "internal". */
static const struct code_entry *code_entry(int code)
{
	const size_t n = sizeof code_table / sizeof code_table[0];

	for (size_t i = 0; i < n; i++)
		if (code_table[i].code == code)
			return &code_table[i];
	return code_entry(ENGRAM_EINTERNAL);
}

const char *engram_code_name(int code)
{
	return code_entry(code)->name;
}

const char *engram_code_text(int code)
{
	return code_entry(code)->text;
}

int engram_code_exit(int code)
{
	return code_entry(code)->exit;
}

bool engram_code_retry(int code)
{
	return code_entry(code)->retry;
}

const char *engram_version(void)
{
	return "engram " VERSION;
}

void engram_free(void *p)
{
	eng_free(p);
}

/* Length of z without a UTF-8 sequence that was cut off at its end. */
static size_t whole_characters(const char *z, size_t n)
{
	size_t lead = n;
	unsigned char c;
	size_t want;

	while (lead > 0 && n - lead < 3 && ((unsigned char)z[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead == 0)
		return n;
	c = (unsigned char)z[lead - 1];
	want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	return n - (lead - 1) < want ? lead - 1 : n;
}

static void copy_cut(char *out, size_t size, const char *z)
{
	size_t n = strlen(z);

	if (n >= size)
		n = whole_characters(z, size - 1);
	memcpy(out, z, n);
	out[n] = '\0';
}

/* vsnprintf that cuts between characters. */
static void format_cut(char *out, size_t size, const char *format, va_list ap) ENG_PRINTF(3, 0);
static void format_cut(char *out, size_t size, const char *format, va_list ap)
{
	int n = vsnprintf(out, size, format, ap);

	if (n < 0)
		out[0] = '\0';
	else if ((size_t)n >= size)
		out[whole_characters(out, size - 1)] = '\0';
}

static int set(struct engram_error *err, int code, int os, const char *message)
{
	if (err) {
		err->code = code;
		err->os = os;
		err->object[0] = '\0';
		err->hint[0] = '\0';
		copy_cut(err->message, sizeof err->message, message);
	}
	return code;
}

int eng_err(struct engram_error *err, int code, const char *format, ...)
{
	char message[sizeof err->message];
	va_list ap;

	if (!err)
		return code;
	va_start(ap, format);
	format_cut(message, sizeof message, format, ap);
	va_end(ap);
	return set(err, code, 0, message);
}

static int code_of_os(int os)
{
	switch (os) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* the file size limit of the process, or of the file system */
		return ENGRAM_EDISKFULL;
	case EACCES:
	case EPERM:
		return ENGRAM_EPERM;
	case EROFS:
		return ENGRAM_ECREATE;
	case EMFILE:
	case ENFILE:
		return ENGRAM_ELIMIT;
	case ENOMEM:
		return ENGRAM_ENOMEM;
	case ENOENT:
		return ENGRAM_ENOFILE;
	case EAGAIN:
	case EBUSY:
		return ENGRAM_EBUSY;
	default:
		return ENGRAM_EIO;
	}
}

int eng_err_os(struct engram_error *err, int os, const char *format, ...)
{
	char place[sizeof err->message], message[sizeof err->message + 128];
	va_list ap;

	if (!err)
		return code_of_os(os);
	va_start(ap, format);
	format_cut(place, sizeof place, format, ap);
	va_end(ap);
	/* strerror: glibc (2.32 on) and musl keep its text per thread or constant. */
	snprintf(message, sizeof message, "%s: %s", place, strerror(os));
	return set(err, code_of_os(os), os, message);
}

int eng_err_nomem(struct engram_error *err)
{
	return set(err, ENGRAM_ENOMEM, ENOMEM, "out of memory");
}

void eng_err_prefix(struct engram_error *err, const char *format, ...)
{
	char place[sizeof err->message], message[2 * sizeof err->message + 2];
	va_list ap;

	if (!err)
		return;
	va_start(ap, format);
	format_cut(place, sizeof place, format, ap);
	va_end(ap);
	snprintf(message, sizeof message, "%s: %s", place, err->message);
	copy_cut(err->message, sizeof err->message, message);
}

void eng_err_object(struct engram_error *err, const char *object)
{
	if (err)
		copy_cut(err->object, sizeof err->object, object);
}

void eng_err_hint(struct engram_error *err, const char *format, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, format);
	format_cut(err->hint, sizeof err->hint, format, ap);
	va_end(ap);
}
