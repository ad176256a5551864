/* position.c - positions in the log, as text and for programs.
 *
 *     0f3c...:17:9a0b1c2d,7e21...:4:00c0ffee
 *
 * series, seq and header_check of the last frame, ascending by series; "0" where
 * there is none.  The check makes two stores' positions equal only where their
 * frames are. */
#include "space/space_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/num.h"
#include "space/frames.h"

#define CHECK_DIGITS 8u

/* -- writing ----------------------------------------------------------------------- */

static void name_of(char out[ENG_SERIES_NAME + 1], const struct engram_position *at)
{
	struct eng_series series;

	memcpy(series.b, at->series, sizeof series.b);
	eng_series_name(out, &series);
}

int engram_position_format(char **text, const struct engram_position *at, size_t n, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	char name[ENG_SERIES_NAME + 1];

	for (size_t i = 0; i < n; i++) {
		name_of(name, &at[i]);
		eng_buf_printf(&b, "%s%s:%" PRIu64 ":%08" PRIx32, i ? "," : "", name, at[i].seq, at[i].check);
	}
	if (n == 0)
		eng_buf_byte(&b, '0');
	eng_buf_byte(&b, 0);
	if (b.failed) {
		eng_buf_free(&b);
		return eng_err_nomem(err);
	}
	*text = (char *)b.p;
	return 0;
}

/* -- reading ------------------------------------------------------------------------ */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n hexadecimal digits; false: others, or fewer. */
static bool read_hex(uint8_t *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int v = digit(p[i]);

		if (v < 0)
			return false;
		out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] << 4 | v : v);
	}
	return true;
}

/* One entry of n bytes. */
static bool read_entry(struct engram_position *out, const char *p, size_t n)
{
	uint8_t check[CHECK_DIGITS / 2];
	const char *seq = p + ENG_SERIES_NAME + 1, *colon;

	if (n < ENG_SERIES_NAME + 3 || !read_hex(out->series, p, ENG_SERIES_NAME) || seq[-1] != ':')
		return false;
	colon = memchr(seq, ':', n - ENG_SERIES_NAME - 1);
	if (!colon || !eng_parse_u64(&out->seq, seq, (size_t)(colon - seq)) || out->seq == 0)
		return false;
	if ((size_t)(p + n - colon - 1) != CHECK_DIGITS || !read_hex(check, colon + 1, CHECK_DIGITS))
		return false;
	out->check = (uint32_t)check[0] << 24 | (uint32_t)check[1] << 16 | (uint32_t)check[2] << 8 | check[3];
	return true;
}

static int by_series(const void *a, const void *b)
{
	return memcmp(((const struct engram_position *)a)->series, ((const struct engram_position *)b)->series, 16);
}

static int check_twice(const struct engram_position *at, size_t n, struct engram_error *err)
{
	char name[ENG_SERIES_NAME + 1];

	for (size_t i = 1; i < n; i++)
		if (memcmp(at[i - 1].series, at[i].series, 16) == 0) {
			name_of(name, &at[i]);
			return eng_err(err, ENGRAM_EUSAGE, "position: series %s stands there twice", name);
		}
	return 0;
}

int engram_position_parse(struct engram_position **at, size_t *n, const char *text, struct engram_error *err)
{
	struct engram_position *all = NULL;
	size_t count = 0, cap = 0;
	int r = 0;

	for (const char *p = text; strcmp(text, "0") != 0;) {
		size_t len = strcspn(p, ",");

		if (!eng_grow(&all, &cap, count, sizeof *all))
			r = eng_err_nomem(err);
		else if (!read_entry(&all[count], p, len))
			r = eng_err(err, ENGRAM_EUSAGE,
			            "position: entry %zu: wanted SERIES:SEQ:CHECK as `position` prints it, or 0",
			            count + 1);
		if (r < 0)
			goto out;
		count++;
		if (!p[len])
			break;
		p += len + 1;
	}
	if (count > 1)
		qsort(all, count, sizeof *all, by_series);
	r = check_twice(all, count, err);
	if (r == 0) {
		*at = all;
		*n = count;
		all = NULL;
	}
out:
	eng_free(all);
	return r;
}

/* -- of a space -------------------------------------------------------------------------- */

/* A copy for the caller of what an exchange tells. */
static int copy(struct engram_position **out, size_t *n, const struct eng_position *at, size_t count,
                struct engram_error *err)
{
	struct engram_position *all = eng_alloc((count ? count : 1) * sizeof *all);

	if (!all)
		return eng_err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		memcpy(all[i].series, at[i].series.b, 16);
		all[i].seq = at[i].seq;
		all[i].check = at[i].header_check;
	}
	*out = all;
	*n = count;
	return 0;
}

/* What waits, and what was retired: beside the figures, for people. */
static int tell_why(struct engram_standing *s, struct engram_space *space, struct engram_error *err)
{
	struct eng_dot *retired = NULL;
	struct eng_view v;
	size_t n = 0;
	int r = eng_view_open_durable(&v, space, err);

	if (r < 0)
		return r;
	r = eng_view_facts(&v, &retired, &n, ENG_RETIRE, err);
	if (r == 0 && n && !(s->retired = eng_alloc(n * sizeof *s->retired)))
		r = eng_err_nomem(err);
	for (; r == 0 && s->nretired < n; s->nretired++)
		memcpy(s->retired[s->nretired], retired[s->nretired].series.b, sizeof *s->retired);
	if (r == 0 && s->held)
		r = eng_view_waits(&v, &s->waiting, &s->nwaiting, err);
	eng_free(retired);
	eng_view_close(&v);
	return r;
}

int engram_standing(struct engram_space *space, struct engram_standing *out, struct engram_error *err)
{
	struct engram_standing s = {0};
	const struct eng_position *at;
	struct eng_standing now;
	struct eng_exchange *x = NULL;
	size_t n;
	int r = eng_space_check_handle(space, err);

	if (r < 0)
		return r;
	r = eng_exchange_open(&x, space, false, err);
	if (r == 0)
		r = eng_exchange_received(x, &at, &n, err);
	if (r == 0)
		r = copy(&s.received, &s.nreceived, at, n, err);
	if (r == 0)
		r = eng_exchange_standing(x, &now, err);
	if (r == 0) {
		s.held = now.held;
		memcpy(s.digest, now.digest, sizeof s.digest);
		r = copy(&s.applied, &s.napplied, now.applied, now.napplied, err);
	}
	eng_exchange_close(x);
	if (r == 0)
		r = tell_why(&s, space, err);
	if (r < 0)
		engram_standing_free(&s);
	else
		*out = s;
	return r;
}

void engram_standing_free(struct engram_standing *s)
{
	if (!s)
		return;
	eng_free(s->received);
	eng_free(s->applied);
	eng_free(s->waiting);
	eng_free(s->retired);
	*s = (struct engram_standing){0};
}

/* -- a series by its digits ---------------------------------------------------------------- */

static int no_series(const char *digits, struct engram_error *err)
{
	int r = eng_err(err, ENGRAM_ENOFILE, "series %s: is not here", digits);

	eng_err_object(err, digits);
	eng_err_hint(err, "engram-shipwal position lists them");
	return r;
}

/* The one whose name begins so. */
static int find_series(struct eng_series *out, struct engram_space *space, const char *digits, struct engram_error *err)
{
	const struct eng_series_info *all;
	char name[ENG_SERIES_NAME + 1];
	size_t n, found = 0, len = strlen(digits);
	int r = eng_space_series(space, &all, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		eng_series_name(name, &all[i].series);
		if (strncmp(name, digits, len) == 0) {
			*out = all[i].series;
			found++;
		}
	}
	if (len < ENGRAM_ID_PREFIX_MIN || found == 0)
		return no_series(digits, err);
	if (found == 1)
		return 0;
	r = eng_err(err, ENGRAM_EAMBIGUOUS, "series %s: %zu begin so", digits, found);
	eng_err_object(err, digits);
	return r;
}

int engram_retire(struct engram_space *space, bool *written, const char *series, struct engram_error *err)
{
	struct eng_series found;
	int r = eng_space_check_handle(space, err);

	if (r == 0)
		r = find_series(&found, space, series, err);
	return r < 0 ? r : eng_space_retire(space, written, &found, err);
}
