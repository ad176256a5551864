/* faultcut.c - the power cut of the faulty disk (faultdisk.h).
 *
 * Names first: what the directories' last syncs do not grant is undone by a
 * toss for each inode, so that a rename is whole or absent.  Then bytes: each
 * file becomes its image plus random sectors of its dirty pages; each sector
 * of a mapped file goes back to a moment that the parent remembered. */
#include "faultdisk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultdisk_int.h"

/* -- power cut ---------------------------------------------------------------------- */

static struct shots *shots_of(struct disk *d, uint64_t ino)
{
	for (size_t i = 0; i < MAPPED; i++) {
		if (d->shots[i].ino == 0)
			d->shots[i].ino = ino;
		if (d->shots[i].ino == ino)
			return &d->shots[i];
	}
	return NULL;
}

typedef void file_fn(struct disk *d, const char *path, uint64_t ino, void *data);

static void each_file(struct disk *d, const char *path, file_fn *fn, void *data)
{
	char child[512];
	struct stat st;
	DIR *h = opendir(path);
	for (struct dirent *e; h && (e = readdir(h));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(child, sizeof child, "%s/%s", path, e->d_name);
		if (lstat(child, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			each_file(d, child, fn, data);
		else
			fn(d, child, st.st_ino, data);
	}
	if (h)
		closedir(h);
}

static void shoot(struct disk *d, const char *path, uint64_t ino, void *data)
{
	(void)data;
	if (!atomic_load(&disk_file(d, ino)->mapped))
		return;
	struct shots *s = shots_of(d, ino);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!s || fd < 0)
		return;
	uint8_t *page = s->page[s->at % SHOTS];
	memset(page, 0, PAGE);
	if (pread(fd, page, PAGE, 0) >= 0) {
		s->at++;
		s->n += s->n < SHOTS;
	}
	close(fd);
}

void disk_snapshot(struct disk *d)
{
	each_file(d, d->live, shoot, NULL);
}

/* Each sector from any remembered moment, the last flush included. */
static void cut_mapped(struct disk *d, int live, int image, uint64_t ino, struct eng_rng *g)
{
	struct shots *s = shots_of(d, ino);
	uint8_t now[PAGE] = {0}, old[PAGE] = {0};
	bool whole = eng_rng_below(g, 2);
	size_t pick = s && s->n ? eng_rng_below(g, s->n + 1) : 0;
	if (pread(live, now, PAGE, 0) < 0 || pread(image, old, PAGE, 0) < 0)
		disk_give_up("mapped file");
	for (size_t k = 0; k < PAGE / SECTOR; k++) {
		if (!whole)
			pick = s && s->n ? eng_rng_below(g, s->n + 1) : 0;
		if (s && pick < s->n)
			memcpy(now + k * SECTOR, s->page[pick] + k * SECTOR, SECTOR);
		else if (eng_rng_below(g, 8) == 0)
			memcpy(now + k * SECTOR, old + k * SECTOR, SECTOR);
	}
	if (pwrite(live, now, PAGE, 0) != PAGE || pwrite(image, now, PAGE, 0) != PAGE)
		disk_give_up("mapped file");
}

static void cut_page(int live, int image, uint64_t page, bool dirty, struct eng_rng *g)
{
	uint8_t a[PAGE] = {0}, b[PAGE] = {0};
	if (pread(live, a, PAGE, (off_t)(page * PAGE)) < 0 || pread(image, b, PAGE, (off_t)(page * PAGE)) < 0)
		disk_give_up("read at the cut");
	if (memcmp(a, b, PAGE) == 0)
		return;
	for (size_t k = 0; dirty && k < PAGE / SECTOR; k++)
		if (eng_rng_below(g, 2))
			memcpy(b + k * SECTOR, a + k * SECTOR, SECTOR);
	if (pwrite(live, b, PAGE, (off_t)(page * PAGE)) != PAGE ||
	    pwrite(image, b, PAGE, (off_t)(page * PAGE)) != PAGE)
		disk_give_up("write at the cut");
}

static void cut_file(struct disk *d, const char *path, uint64_t ino, void *data)
{
	struct eng_rng *g = data;
	struct file *f = disk_file(d, ino);
	struct stat now, old;
	int live = open(path, O_RDWR | O_CLOEXEC), image = disk_image(d, ino);
	if (live < 0 || fstat(live, &now) || fstat(image, &old))
		disk_give_up(path);
	if (atomic_load(&f->mapped)) {
		cut_mapped(d, live, image, ino, g);
	} else {
		off_t size = eng_rng_below(g, 2) && now.st_size > old.st_size ? now.st_size : old.st_size;
		if (ftruncate(live, size) || ftruncate(image, size))
			disk_give_up(path);
		for (uint64_t p = 0; p * PAGE < (uint64_t)size; p++)
			cut_page(live, image, p, atomic_load(&f->dirty[p]), g);
		if (ftruncate(live, size) || ftruncate(image, size))
			disk_give_up(path);
	}
	for (size_t p = 0; p < PAGES; p++)
		atomic_store_explicit(&f->dirty[p], 0, memory_order_relaxed);
	close(live);
	close(image);
}

static const struct name *in_listing(const struct found *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->name[i].name, name))
			return &f->name[i];
	return NULL;
}

static const struct name *durable_name(const struct disk *d, const char *dir, const char *name)
{
	for (size_t i = 0; i < NAMES; i++) {
		const struct name *e = &d->sh->names[i];
		if (e->used && !strcmp(e->dir, dir) && !strcmp(e->name, name))
			return e;
	}
	return NULL;
}

static const struct name *durable_ino(const struct disk *d, const char *dir, uint64_t ino)
{
	for (size_t i = 0; i < NAMES; i++) {
		const struct name *e = &d->sh->names[i];
		if (e->used && e->ino == ino && !strcmp(e->dir, dir))
			return e;
	}
	return NULL;
}

/* The same toss for every name of one inode: a rename is whole or absent. */
static bool goes_back(uint64_t toss, uint64_t ino)
{
	return (ino * 0x9e3779b97f4a7c15u ^ toss) * 0xff51afd7ed558ccdu >> 63;
}

/* A name that the directory's last sync did not have: away, or back to where it was. */
static void undo_new(struct disk *d, const struct name *e, const char *path)
{
	char old[512];
	const struct name *before = durable_ino(d, e->dir, e->ino);
	if (!before) {
		if (e->is_dir)
			eng_fs_remove_tree(eng_sys_posix(), path);
		else
			unlink(path);
		return;
	}
	snprintf(old, sizeof old, "%s/%s%s%s", d->live, e->dir, *e->dir ? "/" : "", before->name);
	if (rename(path, old))
		disk_give_up(path);
}

/* A file that was replaced or removed comes back with what its last flush held. */
static void bring_back(struct disk *d, const struct name *e, const char *path)
{
	int image = disk_image(d, e->ino);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	if (fd < 0 || fstat(image, &st))
		disk_give_up(path);
	for (uint64_t p = 0; p * PAGE < (uint64_t)st.st_size; p++)
		disk_copy_page(image, fd, p);
	disk_copy_size(image, fd);
	if (fstat(fd, &st))
		disk_give_up(path);
	int mine = disk_image(d, st.st_ino);
	for (uint64_t p = 0; p * PAGE < (uint64_t)st.st_size; p++)
		disk_copy_page(fd, mine, p);
	disk_copy_size(fd, mine);
	close(mine);
	close(image);
	close(fd);
}

static void cut_names(struct disk *d, const char *dir, uint64_t toss)
{
	char path[512], below[96];
	struct found live = disk_list_live(d, dir);
	for (size_t i = 0; i < live.n; i++) {
		const struct name *e = &live.name[i], *was = durable_name(d, dir, e->name);
		snprintf(path, sizeof path, "%s/%s%s%s", d->live, dir, *dir ? "/" : "", e->name);
		if ((!was || was->ino != e->ino) && goes_back(toss, e->ino)) {
			undo_new(d, e, path);
			if (was)
				bring_back(d, was, path);
			continue;
		}
		if (e->is_dir && (size_t)snprintf(below, sizeof below, "%s%s%s", dir, *dir ? "/" : "", e->name) < sizeof below)
			cut_names(d, below, toss);
	}
	for (size_t i = 0; i < NAMES; i++) {
		const struct name *e = &d->sh->names[i];
		if (!e->used || strcmp(e->dir, dir) || in_listing(&live, e->name) || e->is_dir || !goes_back(toss, e->ino))
			continue;
		snprintf(path, sizeof path, "%s/%s%s%s", d->live, dir, *dir ? "/" : "", e->name);
		if (access(path, F_OK))
			bring_back(d, e, path);
	}
	free(live.name);
	disk_keep_names(d, dir);
}

void disk_power_cut(struct disk *d, struct eng_rng *g)
{
	cut_names(d, "", eng_rng_next(g));
	each_file(d, d->live, cut_file, g);
	memset(d->shots, 0, sizeof d->shots);
	atomic_fetch_add(&d->sh->boot, 1);
}
