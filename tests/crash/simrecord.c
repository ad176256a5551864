/* simrecord.c - the record: names, objects, events, and what changed behind the seam.
 *
 * The tree is kept beside the real one (names, objects), so that a rename moves
 * an object and not a string.  Before each call the mapped files are compared
 * with their last snapshot and foreign files with their last content: what
 * changed behind the seam becomes an event of its own.
 *
 * Not done: hard links, symbolic links, open files that outlive their
 * directory.  A test that needs one stops here with a message. */
#include "simfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "simfs_int.h"

void sim_stop(const char *what, const char *which)
{
	fprintf(stderr, "simfs: %s: %s\n", what, which);
	abort();
}

void *sim_alloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		sim_stop("out of memory", "the simulator itself");
	return p;
}

uint8_t *sim_copy(const void *p, size_t n)
{
	uint8_t *c = sim_alloc(NULL, n);
	if (n)
		memcpy(c, p, n);
	return c;
}

/* -- names ------------------------------------------------------------------ */

static struct entry *find(const struct names *t, int dir, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->e[i].dir == dir && strcmp(t->e[i].name, name) == 0)
			return &t->e[i];
	return NULL;
}

int names_get(const struct names *t, int dir, const char *name)
{
	const struct entry *e = find(t, dir, name);
	return e ? e->obj : -1;
}

void sim_name_copy(char out[112], const char *name)
{
	if (strlen(name) >= 112)
		sim_stop("name too long", name);
	strcpy(out, name);
}

void names_set(struct names *t, int dir, const char *name, int obj)
{
	struct entry *e = find(t, dir, name);
	if (!e) {
		if (t->n == t->cap) {
			t->cap = t->cap ? 2 * t->cap : 16;
			t->e = sim_alloc(t->e, t->cap * sizeof *t->e);
		}
		e = &t->e[t->n++];
		e->dir = dir;
		sim_name_copy(e->name, name);
	}
	e->obj = obj;
}

void names_del(struct names *t, int dir, const char *name)
{
	struct entry *e = find(t, dir, name);
	if (e)
		*e = t->e[--t->n];
}

void names_copy(struct names *to, const struct names *from)
{
	to->e = sim_alloc(NULL, from->n * sizeof *from->e);
	if (from->n)
		memcpy(to->e, from->e, from->n * sizeof *from->e);
	to->n = to->cap = from->n;
}

/* -- objects and paths --------------------------------------------------------- */

int sim_object(struct sim *s, bool is_dir, uint32_t mode, uint64_t ino)
{
	if (s->nobj == s->obj_cap) {
		s->obj_cap = s->obj_cap ? 2 * s->obj_cap : 32;
		s->obj = sim_alloc(s->obj, s->obj_cap * sizeof *s->obj);
	}
	s->obj[s->nobj] = (struct object){.is_dir = is_dir, .mode = mode, .ino = ino ? ino : s->next_ino++};
	return (int)s->nobj++;
}

/* The object of a path, or -1; *dir is its directory (-1: not ours), leaf its last name. */
int sim_resolve(const struct sim *s, const char *path, int *dir, char leaf[112])
{
	int at = ROOT_DIR;
	*dir = -1;
	leaf[0] = '\0';
	if (strncmp(path, s->root, s->root_len) != 0 || (path[s->root_len] && path[s->root_len] != '/'))
		return -1;
	for (const char *p = path + s->root_len; *p;) {
		p += strspn(p, "/");
		size_t n = strcspn(p, "/");
		if (n == 0)
			break;
		if (n >= 112)
			sim_stop("name too long", p);
		if (at < 0 || !s->obj[at].is_dir) {
			*dir = -1;
			return -1;
		}
		*dir = at;
		memcpy(leaf, p, n);
		leaf[n] = '\0';
		at = names_get(&s->now, at, leaf);
		p += n;
	}
	return at;
}

/* Files that LMDB and SQLite write, whoever makes them. */
bool sim_is_foreign_name(const char *name)
{
	return strstr(name, ".mdb") || strstr(name, ".db");
}

/* A fold writes these without a sync, and syncs at the end through the seam. */
bool sim_is_lazy_name(const char *name)
{
	return strncmp(name, "view.", 5) == 0;
}

/* -- the record ------------------------------------------------------------- */

struct event *sim_record(struct sim *s, enum sim_op op, int obj)
{
	if (s->nev == s->ev_cap) {
		s->ev_cap = s->ev_cap ? 2 * s->ev_cap : 256;
		s->ev = sim_alloc(s->ev, s->ev_cap * sizeof *s->ev);
	}
	struct event *e = &s->ev[s->nev++];
	*e = (struct event){.op = op, .obj = obj, .dir = -1, .dir2 = -1, .look = s->look};
	return e;
}

void sim_record_name(struct sim *s, enum sim_op op, int obj, int dir, const char *name)
{
	struct event *e = sim_record(s, op, obj);
	e->dir = dir;
	sim_name_copy(e->name, name);
}

void sim_record_bytes(struct sim *s, enum sim_op op, int obj, uint64_t off, const void *p, size_t n)
{
	struct event *e = sim_record(s, op, obj);
	e->off = off;
	e->n = n;
	e->data = sim_copy(p, n);
}

static void look_at_maps(struct sim *s)
{
	for (size_t i = 0; i < MAPS; i++) {
		struct map *m = &s->map[i];
		if (!m->p || !m->seen || memcmp(m->p, m->seen, m->n) == 0)
			continue;
		memcpy(m->seen, m->p, m->n);
		sim_record_bytes(s, SIM_MARK, m->obj, 0, m->seen, m->n);
	}
}

uint8_t *sim_slurp(const char *path, size_t *n)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return NULL;
	}
	uint8_t *p = sim_alloc(NULL, (size_t)st.st_size);
	ssize_t got = pread(fd, p, (size_t)st.st_size, 0);
	close(fd);
	*n = got < 0 ? 0 : (size_t)got;
	return p;
}

static void look_at_file(struct sim *s, int dir, const char *path, const char *name)
{
	int obj = names_get(&s->now, dir, name);
	size_t n = 0;
	if (obj >= 0 && !s->obj[obj].foreign)
		return;
	uint8_t *p = sim_slurp(path, &n);
	if (!p)
		return;
	if (obj < 0) {
		obj = sim_object(s, false, 0600, 0);
		s->obj[obj].foreign = true;
		s->obj[obj].lazy = sim_is_lazy_name(name);
		names_set(&s->now, dir, name, obj);
		sim_record_name(s, SIM_CREATE, obj, dir, name);
	}
	struct object *o = &s->obj[obj];
	if (o->last && o->last_n == n && memcmp(o->last, p, n) == 0) {
		free(p);
		return;
	}
	free(o->last);
	o->last = p;
	o->last_n = n;
	sim_record_bytes(s, SIM_FOREIGN, obj, 0, p, n);
}

static void look_at_dir(struct sim *s, int dir, const char *path)
{
	char child[ENG_PATH_MAX];
	DIR *d = opendir(path);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (snprintf(child, sizeof child, "%s/%s", path, e->d_name) >= (int)sizeof child)
			sim_stop("path too long", path);
		int obj = names_get(&s->now, dir, e->d_name);
		if (obj >= 0 && s->obj[obj].is_dir)
			look_at_dir(s, obj, child);
		else if (e->d_type == DT_REG)
			look_at_file(s, dir, child, e->d_name);
	}
	closedir(d);
	for (size_t i = 0; i < s->now.n;) {
		struct entry e = s->now.e[i];
		if (e.dir == dir && s->obj[e.obj].foreign &&
		    (snprintf(child, sizeof child, "%s/%s", path, e.name), access(child, F_OK))) {
			names_del(&s->now, dir, e.name);
			sim_record_name(s, SIM_UNLINK, e.obj, dir, e.name);
		} else {
			i++;
		}
	}
}

/* What changed behind the seam since the last call. */
void sim_look(struct sim *s)
{
	look_at_maps(s);
	if (!s->watch)
		return;
	s->look = ++s->looks;
	look_at_dir(s, ROOT_DIR, s->root);
	s->look = 0;
}

void sim_note(struct sim *s, unsigned kind, uint64_t value)
{
	sim_look(s);
	struct event *e = sim_record(s, SIM_NOTE, -1);
	e->kind = kind;
	e->n = value;
}

size_t sim_steps(const struct sim *s)
{
	return s->nev;
}

/* -- scratch ------------------------------------------------------------------- */

static char scratch[64][ENG_PATH_MAX];
static size_t nscratch;
static pid_t scratch_owner;

static void remove_scratch(void)
{
	if (getpid() != scratch_owner || getenv("ENG_KEEP"))
		return;
	for (size_t i = 0; i < nscratch; i++) {
		eng_fs_remove_tree(eng_sys_posix(), scratch[i]);
		rmdir(scratch[i]);
	}
}

void sim_scratch_remove(void)
{
	if (nscratch == 0 || getenv("ENG_KEEP"))
		return;
	eng_fs_remove_tree(eng_sys_posix(), scratch[--nscratch]);
	rmdir(scratch[nscratch]);
}

const char *sim_scratch(char out[ENG_PATH_MAX], const char *name)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
	if (nscratch == ENG_COUNT(scratch))
		sim_stop("too many scratch directories", name);
	snprintf(out, ENG_PATH_MAX, "%s/engram-%s-XXXXXX", base ? base : "/tmp", name);
	if (!mkdtemp(out))
		sim_stop("cannot make", out);
	strcpy(scratch[nscratch++], out);
	if (!scratch_owner) {
		scratch_owner = getpid();
		atexit(remove_scratch);
	}
	return out;
}
