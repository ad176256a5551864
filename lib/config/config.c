/* config.c - what settings come to: defaults, files, the environment, each over
 * the one before, and where each value is from.
 *
 * Files are looked for in the system's, the user's and the home's place, and
 * last in the project that the current directory lies in; a file that is named
 * (--config, ENGRAM_CONFIG) is read instead of all of them.  A file decides
 * what is run in somebody's name: so it must be theirs (or root's), and nobody
 * else may write it.  A project's file was mostly written by a stranger (it came
 * with a checkout): it sets only what does no harm. */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/types.h"
#include "sys/sys.h"

#define CONFIG_MAX 65536 /* bytes of a file: a hundred times what a long one has */
#define PROJECT_FILE ".engram.toml"

struct engram_config {
	struct eng_arena arena;
	struct engram_setting *settings; /* in the order of the schema */
};

/* -- values ------------------------------------------------------------------------ */

static int set_value(struct engram_config *c, size_t i, const char *text, uint64_t number, const char *origin,
                     struct engram_error *err)
{
	struct engram_setting *s = &c->settings[i];
	char *value = eng_arena_dup(&c->arena, text, strlen(text) + 1);

	if (!value)
		return eng_err_nomem(err);
	/* An empty text takes back what a weaker place set. */
	s->value = *text ? value : NULL;
	s->number = number;
	s->origin = origin;
	return 0;
}

static int set_defaults(struct engram_config *c, struct engram_error *err)
{
	c->settings = eng_arena_calloc(&c->arena, eng_schema_count, sizeof *c->settings);
	if (!c->settings)
		return eng_err_nomem(err);
	for (size_t i = 0; i < eng_schema_count; i++) {
		const struct eng_schema *row = &eng_schema[i];
		char range[ENG_RANGE_TEXT];
		uint64_t number = 0;
		int r;

		eng_schema_range(range, row);
		c->settings[i] = (struct engram_setting){
			.key = row->key, .help = row->help, .variable = row->variable, .origin = "default",
			.range = eng_arena_dup(&c->arena, range, strlen(range) + 1), .later = row->later,
		};
		if (!c->settings[i].range)
			return eng_err_nomem(err);
		if (!row->fallback)
			continue;
		r = eng_schema_check(&number, row, row->fallback, err);
		if (r == 0)
			r = set_value(c, i, row->fallback, number, "default", err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_from_environment(struct engram_config *c, struct engram_error *err)
{
	for (size_t i = 0; i < eng_schema_count; i++) {
		const struct eng_schema *row = &eng_schema[i];
		const char *text = row->variable ? eng_sys_env(row->variable) : NULL;
		uint64_t number = 0;
		int r;

		if (!text || !*text)
			continue;
		r = eng_schema_check(&number, row, text, err);
		if (r == 0)
			r = set_value(c, i, text, number, row->variable, err);
		if (r == ENGRAM_ENOMEM)
			return r;
		if (r < 0) {
			eng_err_prefix(err, "%s", row->variable);
			eng_err_object(err, row->variable);
			if (err)
				err->code = ENGRAM_ECONFIG;
			return ENGRAM_ECONFIG;
		}
	}
	return 0;
}

/* -- files --------------------------------------------------------------------------- */

static int unknown_key(const struct eng_config_file *f, const struct eng_toml_entry *e, struct engram_error *err)
{
	const char *near = eng_schema_nearest(e->key);
	int r = eng_err(err, ENGRAM_ECONFIG, "%s:%u:%u: unknown key %s", f->path, e->line, e->column, e->key);

	eng_err_object(err, e->key);
	if (near)
		eng_err_hint(err, "did you mean %s?", near);
	else
		eng_err_hint(err, "see engram-config(5)");
	return r;
}

/* The items as TOML would have them; they may hold anything but a NUL. */
static const char *list_text(struct eng_buf *b, const struct eng_toml_value *v)
{
	eng_buf_byte(b, '[');
	for (size_t i = 0; i < v->nitems; i++)
		eng_buf_printf(b, "%s\"%s\"", i ? ", " : "", v->items[i].text);
	eng_buf_byte(b, ']');
	eng_buf_byte(b, 0);
	return b->failed ? NULL : (char *)b->p;
}

static int set_entry(struct engram_config *c, size_t i, const struct eng_toml_entry *e, const char *origin,
                     struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	const char *text = e->value.text;
	uint64_t number = 0;
	int r = eng_schema_check_toml(&number, &eng_schema[i], &e->value, err);

	if (r == 0 && !text)
		text = list_text(&b, &e->value);
	if (r == 0)
		r = text ? set_value(c, i, text, number, origin, err) : eng_err_nomem(err);
	eng_buf_free(&b);
	return r;
}

static int take_entry(struct engram_config *c, const struct eng_config_file *f, const struct eng_toml_entry *e,
                      struct engram_error *err)
{
	size_t i = eng_schema_find(e->key);
	char place[ENG_PATH_MAX + 32];
	const char *origin;
	int r;

	if (i == eng_schema_count)
		return unknown_key(f, e, err);
	if (f->project && !eng_schema[i].project) {
		r = eng_err(err, ENGRAM_ECONFIG, "%s:%u:%u: %s: a project's file may not set it", f->path, e->line,
		            e->column, e->key);
		eng_err_object(err, e->key);
		eng_err_hint(err, "put it into your own file, see engram-config(5)");
		return r;
	}
	snprintf(place, sizeof place, "%s:%u", f->path, e->line);
	origin = eng_arena_dup(&c->arena, place, strlen(place) + 1);
	if (!origin)
		return eng_err_nomem(err);
	r = set_entry(c, i, e, origin, err);
	if (r == 0 || r == ENGRAM_ENOMEM)
		return r;
	eng_err_prefix(err, "%s:%u:%u: %s", f->path, e->value.line, e->value.column, e->key);
	eng_err_object(err, e->key);
	if (err)
		err->code = ENGRAM_ECONFIG;
	return ENGRAM_ECONFIG;
}

static int parse_file(struct engram_config *c, const struct eng_config_file *f, const struct eng_buf *b,
                      struct engram_error *err)
{
	struct eng_toml t = {0};
	struct engram_error bad = {0};
	int r = eng_toml_parse(&t, (const char *)b->p, b->n, &bad);

	if (r == ENGRAM_EINPUT) {
		r = eng_err(err, ENGRAM_ECONFIG, "%s:%s", f->path, bad.message);
		eng_err_object(err, f->path);
	} else if (r < 0) {
		eng_err_nomem(err);
	}
	for (size_t i = 0; r == 0 && i < t.n; i++)
		r = take_entry(c, f, &t.entries[i], err);
	eng_toml_free(&t);
	return r;
}

/* As ssh has it for its own; but a checkout with umask 002 is nothing unusual,
 * and a project's file can do little. */
static int check_trust(const struct eng_config_file *f, const struct eng_stat *st, struct engram_error *err)
{
	uint32_t writers = f->project ? 0002 : 0022;
	int r = 0;

	if (st->uid != eng_sys_uid() && st->uid != 0)
		r = eng_err(err, ENGRAM_ECONFIG, "%s: it belongs to user %u, this is user %u", f->path,
		            (unsigned)st->uid, (unsigned)eng_sys_uid());
	else if (st->mode & writers)
		r = eng_err(err, ENGRAM_ECONFIG, "%s: others may write it (mode %03o)", f->path, st->mode & 0777);
	if (r < 0) {
		eng_err_object(err, f->path);
		eng_err_hint(err, st->mode & writers ? "chmod go-w it" : "ENGRAM_CONFIG=/dev/null reads none");
	}
	return r;
}

static int read_error(const struct eng_config_file *f, int r, struct engram_error *err)
{
	if (r == -EFBIG)
		r = eng_err(err, ENGRAM_ECONFIG, "%s: wanted at most %d bytes", f->path, CONFIG_MAX);
	else if (r == -EINVAL)
		r = eng_err(err, ENGRAM_ECONFIG, "%s: wanted a file, found something else", f->path);
	else if (r == -ENOMEM)
		return eng_err_nomem(err);
	else
		r = eng_err_os(err, -r, "%s", f->path);
	eng_err_object(err, f->path);
	return r;
}

static int read_file(struct engram_config *c, const struct eng_config_file *f, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_stat st;
	int r = eng_sys_load_linked(f->path, &b, CONFIG_MAX, &st);

	if (r < 0 && !f->needed && (r == -ENOENT || r == -ENOTDIR || r == -EACCES))
		r = 0; /* it is not there, or not for us */
	else if (r < 0)
		r = read_error(f, r, err);
	else if (b.n > 0) {
		r = check_trust(f, &st, err);
		if (r == 0)
			r = parse_file(c, f, &b, err);
	}
	eng_buf_free(&b);
	return r;
}

int eng_config_open(struct engram_config **config, const struct eng_config_file *files, size_t n,
                    struct engram_error *err)
{
	struct engram_config *c = eng_calloc(1, sizeof *c);
	int r;

	if (!c)
		return eng_err_nomem(err);
	r = set_defaults(c, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_file(c, &files[i], err);
	if (r == 0)
		r = set_from_environment(c, err);
	if (r < 0)
		engram_config_close(c);
	else
		*config = c;
	return r;
}

/* -- which files ------------------------------------------------------------------------ */

static bool given(const char *value)
{
	return value && *value;
}

static bool user_path(char out[ENG_PATH_MAX])
{
	const char *config = eng_sys_env("XDG_CONFIG_HOME"), *user = eng_sys_env("HOME");

	if (given(config) && config[0] == '/') /* a relative one is ignored, says the specification */
		return eng_path(out, config, "engram/config.toml");
	return given(user) && user[0] == '/' && eng_path(out, user, ".config/engram/config.toml");
}

/* The nearest one from the current directory upwards.  The way up ends at the
 * user's own directory, and where a stranger could have put one. */
static bool project_path(char out[ENG_PATH_MAX])
{
	const struct eng_sys *sys = eng_sys_posix();
	const char *user = eng_sys_env("HOME");
	char dir[ENG_PATH_MAX], up[ENG_PATH_MAX];
	struct eng_stat st;

	if (eng_sys_absolute(dir, ".") < 0 || !eng_fs_parent(up, dir))
		return false;
	for (strcpy(dir, up);; strcpy(dir, up)) {
		if (given(user) && strcmp(dir, user) == 0)
			return false;
		if (sys->fs.ops->stat(sys->fs.ctx, dir, &st) < 0 || st.uid != eng_sys_uid() || st.mode & 0002)
			return false;
		if (eng_path(out, dir, PROJECT_FILE) && sys->fs.ops->stat(sys->fs.ctx, out, &st) == 0)
			return true;
		if (!eng_fs_parent(up, dir) || strcmp(up, dir) == 0)
			return false;
	}
}

int engram_config_open(struct engram_config **config, const char *file, const char *home, struct engram_error *err)
{
	char user[ENG_PATH_MAX], own[ENG_PATH_MAX], project[ENG_PATH_MAX];
	struct eng_config_file files[4];
	size_t n = 0;

	if (!file)
		file = eng_sys_env("ENGRAM_CONFIG");
	if (given(file)) {
		files[n++] = (struct eng_config_file){.path = file, .needed = true};
		return eng_config_open(config, files, n, err);
	}
	files[n++] = (struct eng_config_file){.path = ENGRAM_SYSCONFDIR "/engram/config.toml"};
	if (user_path(user))
		files[n++] = (struct eng_config_file){.path = user};
	if (home && eng_path(own, home, "config.toml"))
		files[n++] = (struct eng_config_file){.path = own};
	if (project_path(project))
		files[n++] = (struct eng_config_file){.path = project, .project = true};
	return eng_config_open(config, files, n, err);
}

void engram_config_close(struct engram_config *c)
{
	if (!c)
		return;
	eng_arena_free(&c->arena);
	eng_free(c);
}

const struct engram_setting *engram_config_at(const struct engram_config *c, size_t i)
{
	return i < eng_schema_count ? &c->settings[i] : NULL;
}

const struct engram_setting *engram_config_get(const struct engram_config *c, const char *key)
{
	return engram_config_at(c, eng_schema_find(key));
}
