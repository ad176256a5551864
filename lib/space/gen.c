/* gen.c - generations: CURRENT and the derived files it names.
 *
 *     engram-current 1
 *     state state.0000000000000002.mdb
 *     text text.0000000000000001.db
 *     build 32 hex digits
 *
 * A derived file is never replaced under its name: LMDB's lock file would then
 * be shared by two files, and the next process saw 0 of 1,000 rows without an
 * error.  A new generation is built beside the old one, synced, and chosen by
 * renaming CURRENT into place; only then is the old one unlinked.  Whoever
 * still has it open reads on in the unlinked file.
 *
 * Each use begins by reading CURRENT again.  Its 100 bytes are compared, not
 * its inode: an inode number comes back after two replacements, a build id
 * and a number together do not.
 *
 * Everything here that writes runs under the apply lock. */
#include "space/space_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"

#define CURRENT_MAX 512u
#define NAME_STATE "state.%016" PRIx64 ".mdb"
#define NAME_TEXT "text.%016" PRIx64 ".db"

struct current {
	char state[48], text[48];
	uint8_t build[16];
	uint64_t number;
};

/* -- CURRENT ------------------------------------------------------------------ */

static bool hex_digit(uint8_t *out, char c)
{
	if (c >= '0' && c <= '9')
		*out = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*out = (uint8_t)(c - 'a' + 10);
	else
		return false;
	return true;
}

static bool hex_bytes(uint8_t *out, size_t n, const char *p)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t hi, lo;
		if (!hex_digit(&hi, p[2 * i]) || !hex_digit(&lo, p[2 * i + 1]))
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* "PREFIX.16hex.SUFFIX" exactly. */
static bool parse_name(uint64_t *number, const char *name, const char *prefix, const char *suffix)
{
	size_t n = strlen(prefix);
	uint8_t b[8];

	if (strncmp(name, prefix, n) != 0 || strlen(name) != n + 16 + strlen(suffix) ||
	    strcmp(name + n + 16, suffix) != 0 || !hex_bytes(b, 8, name + n))
		return false;
	*number = 0;
	for (int i = 0; i < 8; i++)
		*number = *number << 8 | b[i];
	return true;
}

static void format_current(struct eng_buf *b, const struct eng_gen *g)
{
	eng_buf_printf(b, "engram-current 1\nstate %s\ntext %s\nbuild ", g->state, g->text);
	for (int i = 0; i < 16; i++)
		eng_buf_printf(b, "%02x", g->build[i]);
	eng_buf_byte(b, '\n');
}

/* The file's only writer is format_current: anything else is damage. */
static bool parse_current(struct current *c, const struct eng_buf *b)
{
	char text[CURRENT_MAX + 1], build[33];
	uint64_t n;
	int end = 0;

	if (b->n > CURRENT_MAX)
		return false;
	memcpy(text, b->p, b->n);
	text[b->n] = 0;
	if (sscanf(text, "engram-current 1\nstate %47[a-z0-9.]\ntext %47[a-z0-9.]\nbuild %32[0-9a-f]\n%n", c->state,
	           c->text, build, &end) != 3 ||
	    (size_t)end != b->n)
		return false;
	return strlen(build) == 32 && hex_bytes(c->build, 16, build) &&
	       parse_name(&c->number, c->state, "state.", ".mdb") && parse_name(&n, c->text, "text.", ".db");
}

int eng_load_regular(const struct eng_sys *sys, const char *path, struct eng_buf *b, size_t max)
{
	const struct eng_fs *fs = &sys->fs;
	struct eng_stat st;
	ssize_t r;
	int fd = eng_fs_open(sys, path, O_RDONLY, 0);

	if (fd < 0)
		return fd;
	r = fs->ops->fstat(fs->ctx, fd, &st);
	if (r == 0 && (st.mode & 0170000) != 0100000)
		r = -EINVAL;
	if (r == 0 && st.size > max)
		r = -EFBIG;
	if (r == 0 && !eng_buf_reserve(b, st.size))
		r = -ENOMEM;
	if (r == 0)
		r = eng_fs_read(sys, fd, b->p + b->n, st.size, 0);
	if (r >= 0)
		b->n += (size_t)r;
	eng_fs_close(sys, &fd);
	return r < 0 ? (int)r : 0;
}

static bool space_path(char out[ENG_PATH_MAX], const struct engram_space *s, const char *name)
{
	return eng_path(out, s->dir, "%s", name);
}

/* -- opening -------------------------------------------------------------------- */

struct eng_gen *eng_gen_ref(struct eng_gen *g)
{
	if (g)
		g->refs++;
	return g;
}

void eng_gen_unref(struct eng_gen *g)
{
	if (!g || --g->refs > 0)
		return;
	eng_folded_unref(g->folded);
	eng_fts_close(g->fts);
	eng_store_close(g->store);
	eng_free(g);
}

static struct eng_gen *gen_new(const char *state, const char *text, const uint8_t build[16], uint64_t number)
{
	struct eng_gen *g = eng_calloc(1, sizeof *g);

	if (!g)
		return NULL;
	g->refs = 1;
	g->number = number;
	snprintf(g->state, sizeof g->state, "%s", state);
	snprintf(g->text, sizeof g->text, "%s", text);
	memcpy(g->build, build, 16);
	return g;
}

static int open_store(struct eng_gen *g, struct engram_space *s, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	unsigned flags = s->frozen ? ENG_STORE_NOLOCK : s->flags & ENGRAM_WRITE ? ENG_STORE_WRITE : 0;

	if (!space_path(path, s, g->state))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	return eng_store_open(&g->store, s->sys, path, flags, eng_state_tables, ENG_T_COUNT, err);
}

/* The meta record must be of this version, space and build. */
static int verify(struct eng_gen *g, struct engram_space *s, struct engram_error *err)
{
	struct eng_meta m;
	struct eng_txn *t;
	int r = eng_txn_begin(&t, g->store, false, err);

	if (r < 0)
		return r;
	r = eng_meta_load(&m, t, &s->id, err);
	if (r == 0 && memcmp(m.build, g->build, 16) != 0)
		r = eng_err(err, ENGRAM_EVERSION, "state: another build than CURRENT names");
	eng_txn_abort(t);
	return r;
}

static int open_current(struct engram_space *s, const struct current *c, struct engram_error *err)
{
	struct eng_gen *g = gen_new(c->state, c->text, c->build, c->number);
	int r;

	if (!g)
		return eng_err_nomem(err);
	r = open_store(g, s, err);
	if (r == 0)
		r = verify(g, s, err);
	if (r < 0) {
		eng_gen_unref(g);
		return r;
	}
	s->gen = g;
	return 0;
}

static bool same(const struct eng_gen *g, const struct current *c)
{
	return g && strcmp(g->state, c->state) == 0 && strcmp(g->text, c->text) == 0 &&
	       memcmp(g->build, c->build, 16) == 0;
}

static int load_current(struct current *c, const struct engram_space *s, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	char path[ENG_PATH_MAX];
	int r;

	if (!space_path(path, s, "CURRENT"))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	r = eng_load_regular(s->sys, path, &b, CURRENT_MAX);
	if (r == -EINVAL || r == -EFBIG)
		r = eng_err(err, ENGRAM_EDAMAGED, "%s: wanted a file of at most %u bytes, found something else", path,
		            CURRENT_MAX);
	else if (r < 0)
		r = eng_err_os(err, -r, "%s", path);
	else if (!parse_current(c, &b))
		r = eng_err(err, ENGRAM_EDAMAGED, "%s: wanted the names of a state and a text view, found %zu bytes",
		            path, b.n);
	eng_buf_free(&b);
	return r;
}

int eng_gen_refresh(struct engram_space *s, struct engram_error *err)
{
	struct engram_error why = {0};
	struct current c;
	bool named;
	int r;

	if (s->log && eng_log_discard_derived(s->log))
		r = eng_err(&why, ENGRAM_EVERSION, "state: it belongs to the store that this one is a copy of");
	else
		r = load_current(&c, s, &why);
	named = r != ENGRAM_ENOFILE;
	if (r == 0 && same(s->gen, &c))
		return 0;
	eng_gen_unref(s->gen);
	s->gen = NULL;
	if (r == 0)
		r = open_current(s, &c, &why);
	/* A generation that vanished between two looks: look again, once. */
	if (r == ENGRAM_ENOFILE && named && load_current(&c, s, &why) == 0)
		r = open_current(s, &c, &why);
	s->gen_problem = r < 0 && named ? why : (struct engram_error){0};
	if (r == ENGRAM_ENOMEM || r == ENGRAM_EUSAGE) {
		if (err)
			*err = why;
		return r;
	}
	return 0;
}

/* -- making --------------------------------------------------------------------------- */

/* The numbers in use: files of any generation, named by CURRENT or left over. */
static int greatest(void *data, const char *name)
{
	uint64_t n, *max = data;

	if ((parse_name(&n, name, "state.", ".mdb") || parse_name(&n, name, "state.", ".mdb-lock") ||
	     parse_name(&n, name, "text.", ".db") || parse_name(&n, name, "view.", ".mdb")) && n > *max)
		*max = n;
	return 0;
}

int eng_gen_number(uint64_t *number, struct engram_space *s, struct engram_error *err)
{
	const struct eng_fs *fs = &s->sys->fs;
	uint64_t n = 0;
	int r = fs->ops->list(fs->ctx, s->dir, greatest, &n);

	if (r < 0)
		return eng_err_os(err, -r, "%s", s->dir);
	*number = n + 1;
	return 0;
}

static int first_meta(struct eng_gen *g, struct engram_space *s, struct engram_error *err)
{
	struct eng_meta m = {.version = ENG_STATE_VERSION, .space = s->id};
	uint8_t record[ENG_META_SIZE];
	struct eng_txn *t;
	int r = eng_txn_begin(&t, g->store, true, err);

	if (r < 0)
		return r;
	memcpy(m.build, g->build, 16);
	eng_meta_encode(record, &m);
	eng_txn_put(t, ENG_T_META, eng_bytes("meta", 4), eng_bytes(record, sizeof record));
	return eng_txn_commit(t, err);
}

int eng_gen_create(struct eng_gen **out, struct engram_space *s, const uint8_t *build, const char *text,
                   struct engram_error *err)
{
	char state[48], own_text[48], path[ENG_PATH_MAX];
	uint8_t fresh[16];
	uint64_t number;
	struct eng_gen *g;
	int r = eng_gen_number(&number, s, err);

	if (r < 0)
		return r;
	r = s->sys->random.fill(s->sys->random.ctx, fresh, sizeof fresh);
	if (r < 0)
		return eng_err_os(err, -r, "random numbers");
	snprintf(state, sizeof state, NAME_STATE, number);
	snprintf(own_text, sizeof own_text, NAME_TEXT, number);
	g = gen_new(state, text ? text : own_text, build ? build : fresh, number);
	if (!g)
		return eng_err_nomem(err);
	if (!space_path(path, s, state))
		r = eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	else
		r = eng_store_open(&g->store, s->sys, path, ENG_STORE_WRITE | ENG_STORE_CREATE | ENG_STORE_BULK,
		                   eng_state_tables, ENG_T_COUNT, err);
	if (r == 0)
		r = first_meta(g, s, err);
	if (r < 0) {
		eng_gen_abandon(s, g);
		return r;
	}
	*out = g;
	return 0;
}

static void unlink_name(struct engram_space *s, const char *name, const char *suffix)
{
	char path[ENG_PATH_MAX];

	if (eng_path(path, s->dir, "%s%s", name, suffix))
		s->sys->fs.ops->unlink(s->sys->fs.ctx, path);
}

static void unlink_text(struct engram_space *s, const char *name)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

	for (size_t i = 0; i < ENG_COUNT(suffixes); i++)
		unlink_name(s, name, suffixes[i]);
}

void eng_gen_abandon(struct engram_space *s, struct eng_gen *g)
{
	char state[48], text[48];
	bool own_text;
	struct eng_gen *current = s->gen;

	if (!g)
		return;
	snprintf(state, sizeof state, "%s", g->state);
	snprintf(text, sizeof text, "%s", g->text);
	own_text = !current || strcmp(current->text, text) != 0;
	eng_gen_unref(g);
	unlink_name(s, state, "");
	unlink_name(s, state, "-lock");
	if (own_text)
		unlink_text(s, text);
}

/* Ends bulk mode: everything on disk, then opened anew with full syncs. */
static int settle(struct engram_space *s, struct eng_gen *g, struct engram_error *err)
{
	int r = eng_store_sync(g->store, err);

	if (r < 0)
		return r;
	eng_store_close(g->store);
	g->store = NULL;
	eng_point(s->sys, "gen-synced");
	r = s->sys->fs.ops->sync_dir(s->sys->fs.ctx, s->dir);
	if (r < 0)
		return eng_err_os(err, -r, "%s: cannot sync", s->dir);
	return open_store(g, s, err);
}

static int write_current(struct engram_space *s, const struct eng_gen *g, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	char path[ENG_PATH_MAX];
	int r = 0;

	format_current(&b, g);
	if (b.failed)
		r = eng_err_nomem(err);
	else if (!space_path(path, s, "CURRENT"))
		r = eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	else if ((r = eng_fs_replace(s->sys, path, b.p, b.n, 0600)) == -EISDIR)
		r = eng_err(err, ENGRAM_ECREATE, "%s: wanted a file to replace, found a directory", path);
	else if (r < 0)
		r = eng_err_os(err, -r, "%s: cannot replace", path);
	eng_buf_free(&b);
	return r;
}

int eng_gen_install(struct engram_space *s, struct eng_gen *g, struct engram_error *err)
{
	int r = settle(s, g, err);

	if (r == 0)
		r = write_current(s, g, err);
	if (r < 0) {
		eng_gen_abandon(s, g);
		return r;
	}
	eng_point(s->sys, "gen-current");
	eng_gen_unref(s->gen);
	s->gen = g;
	s->gen_problem = (struct engram_error){0};
	eng_gen_sweep(s);
	return 0;
}

/* -- removing ------------------------------------------------------------------------------ */

struct sweep {
	const struct current *keep; /* NULL = nothing */
	char view[ENG_VIEW_NAME_MAX]; /* that the state names; "" none */
	bool views; /* which one it names is not known: all stay */
	char names[64][48];
	size_t n;
};

static bool starts(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Exactly the names that this area makes: what a person put beside them (a
 * backup, an editor's file) is not ours to remove. */
static bool ours(const char *name)
{
	static const char *const suffixes[][2] = {
		{"state.", ".mdb"}, {"state.", ".mdb-lock"}, {"text.", ".db"},
		{"text.", ".db-wal"}, {"text.", ".db-shm"}, {"text.", ".db-journal"}, {"view.", ".mdb"},
		{"view.", ".mdb-lock"},
	};
	uint64_t number;

	for (size_t i = 0; i < ENG_COUNT(suffixes); i++)
		if (parse_name(&number, name, suffixes[i][0], suffixes[i][1]))
			return true;
	return starts(name, "CURRENT.tmp-") || starts(name, "space.tmp-");
}

/* Collected first: a directory is not changed while it is listed. */
static int collect(void *data, const char *name)
{
	struct sweep *w = data;

	if (!ours(name) || strlen(name) >= sizeof w->names[0])
		return 0;
	if (w->keep && (starts(name, w->keep->state) || starts(name, w->keep->text)))
		return 0;
	if (w->keep && starts(name, "view.") && (w->views || strcmp(name, w->view) == 0))
		return 0;
	if (w->n == ENG_COUNT(w->names))
		return 0; /* the rest the next time */
	snprintf(w->names[w->n++], sizeof w->names[0], "%s", name);
	return 0;
}

static void note_view(struct sweep *w, struct engram_space *s)
{
	int r = s->gen && same(s->gen, w->keep) ? eng_view_in_use(w->view, s) : ENGRAM_ENOFILE;

	w->views = r < 0;
	if (r <= 0)
		w->view[0] = 0;
}

static void sweep_but(struct engram_space *s, const struct current *keep)
{
	struct sweep w = {.keep = keep};

	if (keep)
		note_view(&w, s);
	s->sys->fs.ops->list(s->sys->fs.ctx, s->dir, collect, &w);
	for (size_t i = 0; i < w.n; i++)
		unlink_name(s, w.names[i], "");
}

void eng_gen_sweep(struct engram_space *s)
{
	struct current c;

	if (load_current(&c, s, NULL) == 0)
		sweep_but(s, &c);
}

int eng_gen_discard(struct engram_space *s, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	int r;

	eng_gen_unref(s->gen);
	s->gen = NULL;
	if (!space_path(path, s, "CURRENT"))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	r = s->sys->fs.ops->unlink(s->sys->fs.ctx, path);
	if (r < 0 && r != -ENOENT)
		return eng_err_os(err, -r, "%s: cannot remove", path);
	r = s->sys->fs.ops->sync_dir(s->sys->fs.ctx, s->dir);
	if (r < 0)
		return eng_err_os(err, -r, "%s: cannot sync", s->dir);
	sweep_but(s, NULL);
	if (s->log)
		eng_log_discarded(s->log);
	return 0;
}

/* -- the text view ---------------------------------------------------------------------------- */

void eng_gen_close_text(struct eng_gen *g)
{
	eng_fts_close(g->fts);
	g->fts = NULL;
	g->fts_moment++;
}

void eng_gen_drop_text(struct engram_space *s, struct eng_gen *g)
{
	eng_gen_close_text(g);
	unlink_text(s, g->text);
}

/* SQLite would make it readable by everybody; its companions take its mode. */
static int make_private(struct engram_space *s, const char *path, struct engram_error *err)
{
	int fd = eng_fs_open(s->sys, path, O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd < 0 && fd != -EEXIST)
		return eng_err_os(err, -fd, "%s: cannot create", path);
	if (fd >= 0)
		eng_fs_close(s->sys, &fd);
	return 0;
}

static int open_text(struct engram_space *s, struct eng_gen *g, bool write, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;
	unsigned flags = write ? ENG_SQL_WRITE : s->frozen ? ENG_SQL_IMMUTABLE : 0;
	int r;

	if (!space_path(path, s, g->text))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	r = write ? make_private(s, path, err) : 0;
	if (r == 0)
		r = eng_fts_open(&g->fts, path, flags, g->build, err);
	g->fts_write = write && r == 0;
	if (r == 0 && s->sys->fs.ops->stat(s->sys->fs.ctx, path, &st) == 0)
		g->text_ino = st.ino;
	return r;
}

/* Whether the file that is open is still the one of that name: a writer
 * replaces a view that does not fit. */
static bool text_is_open(const struct engram_space *s, const struct eng_gen *g)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;

	return g->fts && space_path(path, s, g->text) && s->sys->fs.ops->stat(s->sys->fs.ctx, path, &st) == 0 &&
	       st.ino == g->text_ino;
}

int eng_gen_text(struct engram_space *s, struct eng_gen *g, bool write, struct engram_error *err)
{
	int r;

	if (text_is_open(s, g) && (g->fts_write || !write))
		return 0;
	eng_gen_close_text(g);
	r = open_text(s, g, write, err);
	if (r == 0 || r == ENGRAM_ENOMEM)
		return r;
	if (!write) /* recall scores directly what no view holds */
		return 0;
	if (r != ENGRAM_EVERSION && r != ENGRAM_EDAMAGED)
		return r;
	unlink_text(s, g->text);
	return open_text(s, g, true, err);
}
