/* tap.h - Test Anything Protocol for the C tests, in one header.
 *
 *     int main(void)
 *     {
 *         tap_ok(1 + 1 == 2, "one and one");
 *         tap_int(f(3), 9, "f(%d)", 3);
 *         return tap_done();
 *     }
 *
 * Each assertion prints one TAP line and says what was wanted and found.  For
 * loops over many cases count failures and assert once: a line per case would
 * bury the one that matters. */
#ifndef TAP_H
#define TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count_, tap_failed_;

__attribute__((format(printf, 4, 5), unused)) static bool tap_at_(bool ok, const char *file, int line,
                                                                  const char *format, ...)
{
	va_list ap;
	tap_count_++;
	printf("%sok %d - ", ok ? "" : "not ", tap_count_);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
	if (!ok) {
		tap_failed_++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return ok;
}

/* tap_ok(condition, "name %d", ...) */
#define tap_ok(cond, ...) tap_at_((cond), __FILE__, __LINE__, __VA_ARGS__)

/* tap_int(found, wanted, "name") */
#define tap_int(found, wanted, ...) \
	do { \
		int64_t tap_f_ = (int64_t)(found), tap_w_ = (int64_t)(wanted); \
		if (!tap_ok(tap_f_ == tap_w_, __VA_ARGS__)) \
			printf("# wanted %" PRId64 ", found %" PRId64 "\n", tap_w_, tap_f_); \
	} while (0)

/* tap_str(found, wanted, "name") */
#define tap_str(found, wanted, ...) \
	do { \
		const char *tap_f_ = (found), *tap_w_ = (wanted); \
		if (!tap_ok(tap_f_ && strcmp(tap_f_, tap_w_) == 0, __VA_ARGS__)) \
			printf("# wanted \"%s\", found \"%s\"\n", tap_w_, tap_f_ ? tap_f_ : "(null)"); \
	} while (0)

#define tap_note(...) (printf("# "), printf(__VA_ARGS__), printf("\n"), fflush(stdout))

/* The plan, last; the exit status of main. */
__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_count_);
	return tap_failed_ ? 1 : 0;
}

#endif
