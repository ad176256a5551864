/* mark.c - making and opening the mark of a series.
 *
 * A mark knows its own inode and birth time, which cp, tar and rsync change
 * and mv keeps; so a store finds out that it is a copy without asking anybody.
 * The file is made under a temporary name and renamed, which keeps both. */
#include "log/mark.h"

#include <errno.h>
#include <fcntl.h>

#include "base/hash.h"

static const uint8_t magic[8] = {'E', 'N', 'G', 'M', 'A', 'R', 'K', 1};

static uint64_t check_of(const struct eng_mark_identity *is)
{
	return XXH3_64bits(is, offsetof(struct eng_mark_identity, check));
}

void eng_mark_set_end(struct eng_mark *m, const struct eng_end *end)
{
	m->written_off = end->off;
	m->durable_off = end->off;
	m->last_off = end->last_off;
	m->filled_off = end->size;
	m->chain = end->chain;
	if (end->stamp > m->last_stamp)
		m->last_stamp = end->stamp;
	m->active = end->active;
	m->turn++;
	m->durable_seq = end->seq;
	m->written_seq = end->seq;
}

static void fill_in(struct eng_mark *m, const struct eng_sys *sys, const struct eng_series *series,
                    const struct engram_id *space, enum eng_mark_role role, const struct eng_stat *st)
{
	memset(m, 0, sizeof *m);
	memcpy(m->is.magic, magic, sizeof magic);
	m->is.version = ENG_MARK_VERSION;
	m->is.role = role;
	m->is.series = *series;
	m->is.space = *space;
	m->is.inode = st->ino;
	m->is.birth_ns = st->birth_ns;
	m->is.machine = sys->machine_id();
	m->is.check = check_of(&m->is);
	m->boot = sys->boot_id();
}

static int write_mark(const struct eng_sys *sys, int fd, struct eng_mark *m)
{
	int r = eng_fs_write(sys, fd, m, sizeof *m, 0);

	return r < 0 ? r : eng_fs_sync(sys, fd);
}

int eng_mark_create(const struct eng_sys *sys, const char *dir, const struct eng_series *series,
                    const struct engram_id *space, enum eng_mark_role role, uint32_t closed, bool discard,
                    const struct eng_end *end)
{
	char path[ENG_PATH_MAX], temp[ENG_PATH_MAX];
	struct eng_stat st;
	struct eng_mark m;
	int fd, r;

	if (!eng_path(path, dir, ENG_MARK_FILE) || !eng_path(temp, dir, ENG_MARK_FILE ".tmp"))
		return -ENAMETOOLONG;
	fd = eng_fs_open(sys, temp, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return fd;
	r = sys->fs.ops->fstat(sys->fs.ctx, fd, &st);
	if (r < 0)
		goto out;
	fill_in(&m, sys, series, space, role, &st);
	if (end)
		eng_mark_set_end(&m, end);
	m.dirty = !end;
	m.closed = closed;
	m.discard = discard;
	r = write_mark(sys, fd, &m);
	eng_point(sys, "mark-written");
	if (r == 0)
		r = sys->fs.ops->rename(sys->fs.ctx, temp, path, true);
	eng_point(sys, "mark-renamed");
	if (r == 0)
		r = eng_fs_sync_dir(sys, dir);
out:
	eng_fs_close(sys, &fd);
	return r;
}

/* -- opening ---------------------------------------------------------------- */

static bool sound(const struct eng_mark_identity *is, const struct eng_series *series,
                  const struct engram_id *space)
{
	return memcmp(is->magic, magic, sizeof magic) == 0 && is->version == ENG_MARK_VERSION &&
	       is->check == check_of(is) && eng_series_cmp(&is->series, series) == 0 &&
	       eng_id_cmp(&is->space, space) == 0;
}

static bool fits(const struct eng_mark_identity *is, const struct eng_stat *st, uint64_t machine)
{
	return is->inode == st->ino && is->birth_ns == st->birth_ns &&
	       (is->machine == machine || is->machine == 0 || machine == 0);
}

static int map_mark(struct eng_mark **mark, const struct eng_sys *sys, int fd, bool write)
{
	*mark = sys->fs.ops->map(sys->fs.ctx, fd, ENG_MARK_SIZE, write);
	return *mark ? 0 : -ENOMEM;
}

int eng_mark_open(struct eng_mark **mark, int *fd, const struct eng_sys *sys, const char *dir,
                  const struct eng_series *series, const struct engram_id *space, bool write)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;
	int r;

	*mark = NULL;
	if (!eng_path(path, dir, ENG_MARK_FILE))
		return -ENAMETOOLONG;
	*fd = eng_fs_open(sys, path, write ? O_RDWR : O_RDONLY, 0);
	if (*fd == -ENOENT)
		return ENG_MARK_NONE;
	if (*fd < 0)
		return *fd;
	r = sys->fs.ops->fstat(sys->fs.ctx, *fd, &st);
	if (r == 0 && st.size == ENG_MARK_SIZE)
		r = map_mark(mark, sys, *fd, write);
	if (r < 0)
		goto out;
	r = ENG_MARK_NONE;
	if (*mark && sound(&(*mark)->is, series, space))
		r = fits(&(*mark)->is, &st, sys->machine_id()) ? ENG_MARK_FITS : ENG_MARK_FOREIGN;
out:
	if (r < 0 || r == ENG_MARK_NONE)
		eng_mark_close(mark, fd, sys);
	return r;
}

void eng_mark_close(struct eng_mark **mark, int *fd, const struct eng_sys *sys)
{
	if (*mark)
		sys->fs.ops->unmap(sys->fs.ctx, *mark, ENG_MARK_SIZE);
	*mark = NULL;
	eng_fs_close(sys, fd);
}
