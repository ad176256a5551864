/* simimage.c - walks the record and makes the images that a power cut could leave.
 *
 * At each step there is a *base* (what is durable) and a list of *pending*
 * operations in the order they were made.  An image is the base with some of
 * the pending ones applied.  A sync turns pending operations of its object
 * durable; a durable one is folded into the base once nothing in doubt lies
 * before it (order matters where two of them touch the same bytes or name).
 *
 *   pending   W1(a) W2(b) CREATE(b)     a crash here may leave any of the
 *   sync a -> W2(b) CREATE(b)           subsets; after the sync W1 is certain
 *
 * Tried at each step: the death of all processes (nothing lost, same boot),
 * none, all, each one missing, each one alone, each one torn (with all others,
 * with none), and `random` subsets with torn writes.
 * The number of pending operations is small in a sound protocol; where it is
 * larger than `singles`, a seeded sample of them is taken one by one. */
#include "simfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "simfs_int.h"

enum fate { ABSENT, WHOLE, TORN };

struct pending {
	size_t ev;
	bool durable, doubtful; /* doubtful: its sync failed, no later one covers it */
	enum fate fate;         /* in the image being made */
	uint64_t tear;          /* seed of the sectors that arrive */
};

struct content {
	uint8_t *p;
	size_t n, cap;
};

struct world {
	const struct sim *sim;
	const struct sim_plan *plan;
	sim_judge_fn *judge;
	void *data;
	struct sim_count *count;
	struct names base;
	struct content *file; /* by object */
	struct pending *pend;
	size_t npend, pend_cap;
	uint64_t notes[SIM_NOTES];
	uint64_t *seen; /* hashes of judged images; a power of two */
	size_t seen_n, seen_cap;
	struct eng_rng rng;
	size_t step;
};

/* -- applying ---------------------------------------------------------------- */

static void grow(struct content *c, size_t n)
{
	if (n <= c->n)
		return;
	if (n > c->cap) {
		c->cap = n + n / 2;
		c->p = sim_alloc(c->p, c->cap);
	}
	memset(c->p + c->n, 0, n - c->n);
	c->n = n;
}

/* Copies the sectors of a write that `tear` lets through (0 = all). */
static void write_sectors(struct content *c, const struct event *e, uint64_t tear)
{
	struct eng_rng g;
	size_t at = 0;
	eng_rng_seed(&g, tear);
	/* An arrived sector moves the end of the file; so may a write of which none arrived. */
	grow(c, e->off + e->n);
	while (at < e->n) {
		size_t part = SECTOR - (e->off + at) % SECTOR;
		if (part > e->n - at)
			part = e->n - at;
		if (!tear || eng_rng_below(&g, 2))
			memcpy(c->p + e->off + at, e->data + at, part);
		at += part;
	}
}

static void apply_content(struct content *c, const struct event *e, uint64_t tear)
{
	switch (e->op) {
	case SIM_WRITE:
	case SIM_MARK:
		write_sectors(c, e, tear);
		break;
	case SIM_FOREIGN:
		c->n = 0;
		grow(c, e->n);
		if (e->n)
			memcpy(c->p, e->data, e->n);
		break;
	case SIM_TRUNCATE:
		if (e->n < c->n)
			c->n = e->n;
		grow(c, e->n);
		break;
	case SIM_RESERVE:
		grow(c, e->n);
		break;
	case SIM_PUNCH:
		if (e->off < c->n)
			memset(c->p + e->off, 0, e->off + e->n < c->n ? e->n : c->n - e->off);
		break;
	default:
		break;
	}
}

static void apply_name(struct names *t, const struct event *e)
{
	switch (e->op) {
	case SIM_RENAME:
		names_del(t, e->dir2, e->name2);
		names_set(t, e->dir, e->name, e->obj);
		break;
	case SIM_CREATE:
	case SIM_MKDIR:
		names_set(t, e->dir, e->name, e->obj);
		break;
	case SIM_UNLINK:
	case SIM_RMDIR:
		names_del(t, e->dir, e->name);
		break;
	default:
		break;
	}
}

static bool is_name_op(enum sim_op op)
{
	return op & (SIM_CREATE | SIM_MKDIR | SIM_RENAME | SIM_UNLINK | SIM_RMDIR);
}

static const struct event *event_of(const struct world *w, const struct pending *p)
{
	return &w->sim->ev[p->ev];
}

/* Folds what is durable and has nothing doubtful of the same target before it. */
static void fold(struct world *w)
{
	size_t kept = 0;
	bool name_in_doubt = false;
	uint8_t *in_doubt = sim_alloc(NULL, w->sim->nobj);
	memset(in_doubt, 0, w->sim->nobj);
	for (size_t i = 0; i < w->npend; i++) {
		struct pending *p = &w->pend[i];
		const struct event *e = event_of(w, p);
		bool name = is_name_op(e->op);
		if (p->durable && !(name ? name_in_doubt : in_doubt[e->obj])) {
			if (name)
				apply_name(&w->base, e);
			else
				apply_content(&w->file[e->obj], e, 0);
			continue;
		}
		if (name)
			name_in_doubt = true;
		else
			in_doubt[e->obj] = 1;
		w->pend[kept++] = *p;
	}
	w->npend = kept;
	free(in_doubt);
}

static void settle_file(struct world *w, int obj, bool failed)
{
	for (size_t i = 0; i < w->npend; i++) {
		struct pending *p = &w->pend[i];
		const struct event *e = event_of(w, p);
		if (e->obj != obj || is_name_op(e->op))
			continue;
		if (failed && e->op != SIM_MARK)
			p->doubtful = true;
		else if (!p->doubtful)
			p->durable = true;
	}
}

static void settle_dir(struct world *w, int dir)
{
	for (size_t i = 0; i < w->npend; i++) {
		const struct event *e = event_of(w, &w->pend[i]);
		if (is_name_op(e->op) && (e->dir == dir || (e->op == SIM_RENAME && e->dir2 == dir)))
			w->pend[i].durable = true;
	}
}

static void push(struct world *w, size_t ev, bool durable)
{
	if (w->npend == w->pend_cap) {
		w->pend_cap = w->pend_cap ? 2 * w->pend_cap : 64;
		w->pend = sim_alloc(w->pend, w->pend_cap * sizeof *w->pend);
	}
	w->pend[w->npend++] = (struct pending){.ev = ev, .durable = durable};
}

static void advance(struct world *w, size_t ev)
{
	const struct event *e = &w->sim->ev[ev];
	switch (e->op) {
	case SIM_SYNC:
	case SIM_SYNC_FAILED:
		settle_file(w, e->obj, e->op == SIM_SYNC_FAILED);
		break;
	case SIM_SYNC_DIR:
		settle_dir(w, e->dir);
		break;
	case SIM_NOTE:
		w->notes[e->kind] = e->n;
		return;
	case SIM_FOREIGN:
		push(w, ev, !w->sim->obj[e->obj].lazy);
		break;
	default:
		push(w, ev, false);
		break;
	}
	fold(w);
}

/* -- one image -------------------------------------------------------------------- */

/* What becomes of the mapped files: they have no syncs to hold on to. */
enum mark_fate { MARK_OLD, MARK_NEW, MARK_SOME, MARK_SECTORS, MARK_FATES };

/* SOME: all as at one earlier moment.  SECTORS: each sector at its own moment. */
static void apply_marks(struct world *w, struct sim_image *im, enum mark_fate how)
{
	size_t moment = how == MARK_SOME ? eng_rng_below(&w->rng, w->npend + 1) : w->npend;
	for (size_t i = 0; i < moment && how != MARK_OLD; i++) {
		const struct event *e = event_of(w, &w->pend[i]);
		if (e->op != SIM_MARK)
			continue;
		struct content c = {(uint8_t *)im->file[e->obj].data, im->file[e->obj].n, im->file[e->obj].n};
		apply_content(&c, e, how == MARK_SECTORS ? 1 + eng_rng_next(&w->rng) : 0);
		im->file[e->obj].data = c.p;
		im->file[e->obj].n = c.n;
	}
}

static void own(struct image_file *f)
{
	if (f->owned)
		return;
	uint8_t *p = sim_alloc(NULL, f->n);
	if (f->n)
		memcpy(p, f->data, f->n);
	f->data = p;
	f->owned = true;
}

static void make_image(struct world *w, struct sim_image *im, enum mark_fate marks)
{
	*im = (struct sim_image){.sim = w->sim, .nfile = w->sim->nobj};
	names_copy(&im->names, &w->base);
	im->file = sim_alloc(NULL, im->nfile * sizeof *im->file);
	for (size_t i = 0; i < im->nfile; i++)
		im->file[i] = (struct image_file){.obj = (int)i, .data = w->file[i].p, .n = w->file[i].n};
	for (size_t i = 0; i < w->npend; i++) {
		const struct pending *p = &w->pend[i];
		const struct event *e = event_of(w, p);
		if (e->op == SIM_MARK) {
			own(&im->file[e->obj]);
			continue;
		}
		if (p->fate == ABSENT && !p->durable)
			continue;
		if (is_name_op(e->op)) {
			apply_name(&im->names, e);
			continue;
		}
		own(&im->file[e->obj]);
		struct content c = {(uint8_t *)im->file[e->obj].data, im->file[e->obj].n, im->file[e->obj].n};
		apply_content(&c, e, p->fate == TORN && !p->durable ? p->tear : 0);
		im->file[e->obj].data = c.p;
		im->file[e->obj].n = c.n;
	}
	apply_marks(w, im, marks);
}

static void drop_image(struct sim_image *im)
{
	for (size_t i = 0; i < im->nfile; i++)
		if (im->file[i].owned)
			free((uint8_t *)im->file[i].data);
	free(im->file);
	free(im->names.e);
}

/* Same reachable names and bytes, same promises: same hash, whatever the order. */
static uint64_t image_hash(const struct sim_image *im, const uint64_t notes[SIM_NOTES])
{
	uint64_t sum = XXH3_64bits(notes, SIM_NOTES * sizeof notes[0]);
	for (size_t i = 0; i < im->names.n; i++) {
		const struct entry *e = &im->names.e[i];
		const struct image_file *f = &im->file[e->obj];
		uint64_t part[3] = {(uint64_t)e->dir, (uint64_t)e->obj, f->n ? XXH3_64bits(f->data, f->n) : 0};
		sum += XXH3_64bits_withSeed(part, sizeof part, XXH3_64bits(e->name, strlen(e->name)));
	}
	return sum | 1;
}

static bool first_time(struct world *w, uint64_t hash)
{
	if (2 * w->seen_n >= w->seen_cap) {
		uint64_t *old = w->seen;
		size_t n = w->seen_cap;
		w->seen_cap = n ? 2 * n : 1024;
		w->seen = sim_alloc(NULL, w->seen_cap * sizeof *w->seen);
		memset(w->seen, 0, w->seen_cap * sizeof *w->seen);
		w->seen_n = 0;
		for (size_t i = 0; i < n; i++)
			if (old[i])
				first_time(w, old[i]);
		free(old);
	}
	size_t at = hash & (w->seen_cap - 1);
	while (w->seen[at] && w->seen[at] != hash)
		at = (at + 1) & (w->seen_cap - 1);
	if (w->seen[at])
		return false;
	w->seen[at] = hash;
	w->seen_n++;
	return true;
}

static const char *op_name(enum sim_op op)
{
	switch (op) {
	case SIM_WRITE: return "write";
	case SIM_SYNC: return "sync";
	case SIM_SYNC_FAILED: return "failed sync";
	case SIM_SYNC_DIR: return "sync of directory";
	case SIM_CREATE: return "create";
	case SIM_MKDIR: return "mkdir";
	case SIM_RENAME: return "rename";
	case SIM_UNLINK: return "unlink";
	case SIM_RMDIR: return "rmdir";
	case SIM_TRUNCATE: return "truncate";
	case SIM_RESERVE: return "reserve";
	case SIM_PUNCH: return "punch";
	case SIM_MARK: return "mapped page";
	case SIM_FOREIGN: return "foreign file";
	case SIM_NOTE: return "note";
	default: return "?";
	}
}

/* How to see it again: the pending operations and their fates. */
static void describe(const struct world *w, enum mark_fate marks, bool death)
{
	static const char *const fates[] = {"absent", "whole", "torn"};
	printf("# bad image: seed %llu, %s after step %zu (%s), mapped pages %d, notes %llu %llu %llu %llu\n",
	       (unsigned long long)w->sim->seed, death ? "death" : "power cut", w->step,
	       op_name(w->sim->ev[w->step].op), (int)marks,
	       (unsigned long long)w->notes[0], (unsigned long long)w->notes[1],
	       (unsigned long long)w->notes[2], (unsigned long long)w->notes[3]);
	for (size_t i = 0; i < w->npend; i++) {
		const struct event *e = event_of(w, &w->pend[i]);
		if (e->op == SIM_MARK)
			continue;
		printf("#   step %zu: %s object %d %s off %llu n %llu: %s\n", w->pend[i].ev, op_name(e->op), e->obj,
		       e->name, (unsigned long long)e->off, (unsigned long long)e->n,
		       w->pend[i].durable ? "durable" : fates[w->pend[i].fate]);
	}
}

#define DESCRIBED_MAX 5

static void judge_one(struct world *w, enum mark_fate marks, bool death)
{
	struct sim_image im;
	make_image(w, &im, marks);
	im.same_boot = death;
	if (first_time(w, image_hash(&im, w->notes) + 2 * death)) {
		w->count->images++;
		if (w->judge(w->data, &im, w->notes) && w->count->bad++ < DESCRIBED_MAX && !w->plan->quiet)
			describe(w, marks, death);
	} else {
		w->count->same++;
	}
	drop_image(&im);
}

/* -- which images -------------------------------------------------------------------- */

static void set_all(struct world *w, enum fate fate)
{
	for (size_t i = 0; i < w->npend; i++)
		w->pend[i].fate = fate;
}

static bool open_question(const struct world *w, size_t i)
{
	return !w->pend[i].durable && event_of(w, &w->pend[i])->op != SIM_MARK;
}

static void one_apart(struct world *w, size_t i, enum fate others, enum fate its)
{
	set_all(w, others);
	w->pend[i].fate = its;
	w->pend[i].tear = 1 + eng_rng_next(&w->rng);
	judge_one(w, eng_rng_below(&w->rng, MARK_FATES), false);
}

static void singles(struct world *w)
{
	size_t questions = 0;
	for (size_t i = 0; i < w->npend; i++)
		questions += open_question(w, i);
	for (size_t i = 0; i < w->npend; i++) {
		if (!open_question(w, i))
			continue;
		if (questions > w->plan->singles && eng_rng_below(&w->rng, questions) >= w->plan->singles)
			continue;
		one_apart(w, i, WHOLE, ABSENT);
		one_apart(w, i, ABSENT, WHOLE);
		if (event_of(w, &w->pend[i])->op != SIM_WRITE)
			continue;
		one_apart(w, i, WHOLE, TORN);
		one_apart(w, i, ABSENT, TORN);
	}
}

static void images_here(struct world *w)
{
	for (enum fate fate = ABSENT; fate <= WHOLE; fate++)
		for (enum mark_fate marks = MARK_OLD; marks < MARK_FATES; marks++) {
			set_all(w, fate);
			judge_one(w, marks, false);
		}
	judge_one(w, MARK_NEW, true); /* everything whole: as if all processes had died */
	singles(w);
	for (unsigned r = 0; r < w->plan->random; r++) {
		for (size_t i = 0; i < w->npend; i++) {
			w->pend[i].fate = (enum fate)eng_rng_below(&w->rng, 3);
			w->pend[i].tear = 1 + eng_rng_next(&w->rng);
		}
		judge_one(w, eng_rng_below(&w->rng, MARK_FATES), false);
	}
}

/* What one look found is one moment: a database and its -wal belong together. */
static bool inside_look(const struct sim *s, size_t step)
{
	return step + 1 < s->nev && s->ev[step + 1].look && s->ev[step + 1].look == s->ev[step].look;
}

void sim_enumerate(struct sim *s, const struct sim_plan *plan, sim_judge_fn *judge, void *data,
                   struct sim_count *count)
{
	struct world w = {.sim = s, .plan = plan, .judge = judge, .data = data, .count = count};
	eng_rng_seed(&w.rng, plan->seed);
	memcpy(w.notes, plan->first, sizeof w.notes);
	names_copy(&w.base, &s->first);
	w.file = sim_alloc(NULL, s->nobj * sizeof *w.file);
	for (size_t i = 0; i < s->nobj; i++) {
		w.file[i] = (struct content){0};
		grow(&w.file[i], s->obj[i].base_n);
		if (s->obj[i].base_n)
			memcpy(w.file[i].p, s->obj[i].base, s->obj[i].base_n);
	}
	for (w.step = 0; w.step < s->nev; w.step++) {
		advance(&w, w.step);
		bool skipped = plan->every > 1 && w.step % plan->every && w.step + 1 < s->nev;
		if (w.step < plan->from || s->ev[w.step].op == SIM_MARK || inside_look(s, w.step) || skipped)
			continue;
		count->steps++;
		images_here(&w);
	}
	for (size_t i = 0; i < s->nobj; i++)
		free(w.file[i].p);
	free(w.file);
	free(w.base.e);
	free(w.pend);
	free(w.seen);
}

/* -- booting ------------------------------------------------------------------------- */

static int write_file(const char *path, const struct image_file *f, uint32_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode ? mode : 0600);
	if (fd < 0)
		return -1;
	/* Trailing zeros are left as a hole: reserved tails are long. */
	size_t n = f->n;
	while (n >= SECTOR && f->data[n - 1] == 0 && memcmp(f->data + n - SECTOR, f->data + n - SECTOR + 1, SECTOR - 1) == 0)
		n -= SECTOR;
	int bad = (n && pwrite(fd, f->data, n, 0) != (ssize_t)n) || ftruncate(fd, (off_t)f->n);
	close(fd);
	return bad ? -1 : 0;
}

/* The tree below `dir`, into the real directory and the simulation's names. */
static int unfold(struct sim *s, const struct sim_image *im, int dir, int as, const char *path)
{
	char child[ENG_PATH_MAX];
	for (size_t i = 0; i < im->names.n; i++) {
		const struct entry *e = &im->names.e[i];
		const struct object *o = &im->sim->obj[e->obj];
		if (e->dir != dir)
			continue;
		if (snprintf(child, sizeof child, "%s/%s", path, e->name) >= (int)sizeof child)
			return -1;
		int obj = sim_object(s, o->is_dir, o->mode, o->ino);
		names_set(&s->now, as, e->name, obj);
		if (o->is_dir) {
			if (mkdir(child, o->mode ? o->mode : 0700) || unfold(s, im, e->obj, obj, child))
				return -1;
			continue;
		}
		const struct image_file *f = &im->file[e->obj];
		if (write_file(child, f, o->mode))
			return -1;
		struct object *mine = &s->obj[obj];
		mine->foreign = o->foreign;
		mine->base = sim_alloc(NULL, f->n);
		mine->base_n = f->n;
		if (f->n)
			memcpy(mine->base, f->data, f->n);
	}
	return 0;
}

/* New files of this boot must not repeat an inode number of the old ones. */
static uint64_t greatest_ino(const struct sim *s)
{
	uint64_t max = 0;
	for (size_t i = 0; i < s->nobj; i++)
		if (s->obj[i].ino > max)
			max = s->obj[i].ino;
	return max;
}

struct sim *sim_boot(const struct sim_image *im, const char *root, uint64_t seed)
{
	eng_fs_remove_tree(eng_sys_posix(), root);
	if (mkdir(root, 0700) && errno != EEXIST)
		return NULL;
	struct sim *s = sim_bare(root, seed);
	s->next_ino = greatest_ino(im->sim) + 1;
	if (im->same_boot)
		s->boot = im->sim->boot;
	sim_object(s, true, 0700, im->sim->obj[ROOT_DIR].ino);
	if (unfold(s, im, ROOT_DIR, ROOT_DIR, root)) {
		sim_free(s);
		return NULL;
	}
	names_copy(&s->first, &s->now);
	return s;
}
