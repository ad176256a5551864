/* identity.c - the file `space`: what a directory of memories is.
 *
 *     engram-space 1
 *     id 0abc...                 26 base-32 digits
 *     created 2026-11-21T10:00:00.123456Z
 *     feature NAME refuse        any number of these, also none
 *
 * A feature says what a program that does not know its name must do: refuse to
 * open, open for reading only, or ignore it.  This program knows none yet.
 * The file is made whole with the directory and replaced whole by adopt, so a
 * part of it is damage, never an interrupted write. */
#include "space/space_int.h"

#include <errno.h>

#include "base/base32.h"
#include "base/num.h"

#define IDENTITY_MAX 4096u
#define FORMAT_LINE "engram-space 1"

void eng_identity_format(struct eng_buf *b, const struct engram_id *id, int64_t created_us)
{
	char id_text[ENGRAM_ID_TEXT + 1], time[ENG_TIME_TEXT];
	size_t n = eng_format_time(time, created_us);

	engram_id_format(id_text, id);
	eng_buf_printf(b, FORMAT_LINE "\nid %s\ncreated %.*s\n", id_text, (int)n, time);
}

struct lines {
	const char *at, *end;
	unsigned number;
};

/* The next line, which must end with a newline. */
static bool next_line(struct lines *l, struct engram_str *out)
{
	const char *nl = l->at < l->end ? memchr(l->at, '\n', (size_t)(l->end - l->at)) : NULL;

	if (!nl)
		return false;
	*out = (struct engram_str){l->at, (size_t)(nl - l->at)};
	l->at = nl + 1;
	l->number++;
	return true;
}

/* What follows "WORD ", or p NULL. */
static struct engram_str after(struct engram_str line, const char *word)
{
	size_t n = strlen(word);

	if (line.n <= n || memcmp(line.p, word, n) != 0 || line.p[n] != ' ')
		return (struct engram_str){0};
	return (struct engram_str){line.p + n + 1, line.n - n - 1};
}

static int bad_line(const struct lines *l, const char *wanted, struct engram_error *err)
{
	return eng_err(err, ENGRAM_EDAMAGED, "space: line %u: wanted %s", l->number, wanted);
}

static int parse_format(struct lines *l, struct engram_error *err)
{
	struct engram_str line, version;

	if (!next_line(l, &line) || !(version = after(line, "engram-space")).p)
		return eng_err(err, ENGRAM_EDAMAGED, "space: wanted \"" FORMAT_LINE "\" at its beginning");
	if (!eng_str_eq(version, eng_str("1")))
		return eng_err(err, ENGRAM_EVERSION, "space: wanted format 1, found %.*s", (int)(version.n % 20),
		               version.p);
	return 0;
}

static int parse_id(struct eng_identity *out, struct lines *l, struct engram_error *err)
{
	struct engram_str line, id;
	struct engram_id hi;

	if (!next_line(l, &line) || (id = after(line, "id")).n != ENGRAM_ID_TEXT ||
	    !eng_base32_range(&out->id, &hi, id.p, id.n))
		return bad_line(l, "\"id\" and 26 base-32 digits", err);
	return 0;
}

static int parse_created(struct eng_identity *out, struct lines *l, struct engram_error *err)
{
	struct engram_str line, time;

	if (!next_line(l, &line) || !(time = after(line, "created")).p ||
	    !eng_parse_time(&out->created_us, time.p, time.n, 0))
		return bad_line(l, "\"created\" and a time", err);
	return 0;
}

static int parse_feature(struct eng_identity *out, struct lines *l, struct engram_str line, struct engram_error *err)
{
	struct engram_str rest = after(line, "feature");
	const char *blank = rest.p ? memchr(rest.p, ' ', rest.n) : NULL;
	struct engram_str what;

	if (!blank || blank == rest.p)
		return bad_line(l, "\"feature\", a name, and refuse, read-only or ignore", err);
	what = (struct engram_str){blank + 1, rest.n - (size_t)(blank - rest.p) - 1};
	if (eng_str_eq(what, eng_str("refuse")))
		return eng_err(err, ENGRAM_EVERSION, "space: it uses the feature %.*s, which this program does not know",
		               (int)(blank - rest.p), rest.p);
	if (eng_str_eq(what, eng_str("read-only")))
		out->read_only = true;
	else if (!eng_str_eq(what, eng_str("ignore")))
		return bad_line(l, "\"feature\", a name, and refuse, read-only or ignore", err);
	return 0;
}

int eng_identity_parse(struct eng_identity *out, const char *p, size_t n, struct engram_error *err)
{
	struct lines l = {p, p + n, 0};
	struct engram_str line;
	int r;

	*out = (struct eng_identity){0};
	r = parse_format(&l, err);
	if (r == 0)
		r = parse_id(out, &l, err);
	if (r == 0)
		r = parse_created(out, &l, err);
	while (r == 0 && next_line(&l, &line))
		r = parse_feature(out, &l, line, err);
	if (r == 0 && l.at != l.end)
		r = bad_line(&l, "a newline at the end", err);
	return r;
}

int eng_identity_load(struct eng_identity *out, const struct eng_sys *sys, const char *dir, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	char path[ENG_PATH_MAX];
	int r;

	if (!eng_path(path, dir, "space"))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", dir);
	r = eng_load_regular(sys, path, &b, IDENTITY_MAX);
	if (r == -EINVAL || r == -EFBIG || r == -ELOOP || r == -ENXIO)
		r = eng_err(err, ENGRAM_EDAMAGED, "%s: wanted a regular file of at most %u bytes", path,
		            IDENTITY_MAX);
	else if (r < 0)
		r = eng_err_os(err, -r, "%s", path);
	else if ((r = eng_identity_parse(out, (const char *)b.p, b.n, err)) < 0)
		eng_err_prefix(err, "%s", dir);
	eng_buf_free(&b);
	return r;
}
