/* seal.c - an immutable file whose tree can be trusted.
 *
 * LMDB believes its own pages: one flipped bit in a page of keys leads it outside
 * the file, or to an assertion, and the process ends (27 of 9,600 flips did).
 * Values bear checks of their own, but must be found first.  The pages of keys of
 * a file that was written in one go are few, one in 800, so their hash stands
 * behind the last page, and opening compares it before LMDB sees the file.
 *
 *   list   u32 each: numbers of the pages that are no values, ascending
 *   end  0 4 magic "ENGS"        16 8 length of what LMDB has of the file
 *        4 4 size of a page      24 8 XXH3-64 of the listed pages' XXH3-64s
 *        8 4 pages in the list   32 8 XXH3-64 of the list and the 32 bytes before
 *       12 4 zero
 *
 * What a page is, its header tells, which is the same in all of LMDB 0.9: bytes 10
 * and 11 are flags, of which 4 says that a large value begins, on as many pages as
 * the u32 behind them tells. */
#include <fcntl.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/le.h"
#include "store/store_int.h"

#define MAGIC 0x53474e45u
#define END 40u
#define OVERFLOW 4u
#define PAGE_HEADER 16u
#define PAGE_MIN 512u
#define PAGE_MAX 65536u

struct sealing {
	const struct eng_sys *sys;
	const char *path;
	int fd;
	uint32_t page;       /* its size */
	uint8_t *p;          /* room for one */
	struct eng_buf list; /* then the end */
	struct eng_buf hashes;
};

static void sealing_free(struct sealing *s)
{
	eng_fs_close(s->sys, &s->fd);
	eng_free(s->p);
	eng_buf_free(&s->list);
	eng_buf_free(&s->hashes);
}

static int truncated(const struct sealing *s, struct engram_error *err)
{
	eng_err(err, ENGRAM_EDAMAGED, "%s: truncated, or its end was overwritten", s->path);
	eng_err_hint(err, "engram-consolidate --rebuild derives it anew from the log");
	return ENGRAM_EDAMAGED;
}

static int read_at(struct sealing *s, void *p, size_t n, uint64_t at, struct engram_error *err)
{
	ssize_t got = eng_fs_read(s->sys, s->fd, p, n, at);

	if (got < 0)
		return eng_err_os(err, (int)-got, "%s", s->path);
	return (size_t)got == n ? 0 : truncated(s, err);
}

static int add_page(struct sealing *s, uint64_t number, struct engram_error *err)
{
	int rc = read_at(s, s->p, s->page, number * s->page, err);

	if (rc == 0)
		eng_buf_u64(&s->hashes, eng_hash64(s->p, s->page));
	return rc;
}

/* -- sealing ---------------------------------------------------------------------- */

static int list_pages(struct sealing *s, uint64_t pages, struct engram_error *err)
{
	uint8_t header[PAGE_HEADER];
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < pages; i++) {
		rc = read_at(s, header, sizeof header, i * s->page, err);
		if (rc == 0 && eng_get16(header + 10) & OVERFLOW) {
			i += eng_get32(header + 12) - 1;
			continue;
		}
		eng_buf_u32(&s->list, (uint32_t)i);
		if (rc == 0)
			rc = add_page(s, i, err);
	}
	return rc;
}

static void add_end(struct sealing *s, uint64_t used)
{
	const uint32_t pages = (uint32_t)(s->list.n / 4);

	eng_buf_u32(&s->list, MAGIC);
	eng_buf_u32(&s->list, s->page);
	eng_buf_u32(&s->list, pages);
	eng_buf_u32(&s->list, 0);
	eng_buf_u64(&s->list, used);
	eng_buf_u64(&s->list, eng_hash64(s->hashes.p, s->hashes.n));
	if (!s->list.failed && !s->hashes.failed)
		eng_buf_u64(&s->list, XXH3_64bits(s->list.p, s->list.n));
}

int eng_store_seal(struct eng_store *store, struct engram_error *err)
{
	struct sealing s = {.sys = store->sys, .path = store->path, .fd = -1};
	uint64_t used, file;
	MDB_stat stat;
	int rc = eng_store_size(store, &used, &file, err);

	if (rc == 0 && mdb_env_stat(store->env->mdb, &stat) != 0)
		rc = eng_err(err, ENGRAM_EINTERNAL, "%s: cannot tell the size of its pages", store->path);
	if (rc < 0)
		return rc;
	s.page = stat.ms_psize;
	s.p = eng_alloc(s.page);
	s.fd = eng_fs_open(s.sys, s.path, O_RDWR, 0);
	if (!s.p)
		rc = eng_err_nomem(err);
	else if (s.fd < 0)
		rc = eng_err_os(err, -s.fd, "%s", s.path);
	if (rc == 0)
		rc = list_pages(&s, used / s.page, err);
	if (rc == 0) {
		add_end(&s, used);
		if (s.list.failed || s.hashes.failed)
			rc = eng_err_nomem(err);
	}
	if (rc == 0) {
		rc = eng_fs_write(s.sys, s.fd, s.list.p, s.list.n, used);
		if (rc < 0)
			rc = eng_err_os(err, -rc, "%s: cannot seal", s.path);
	}
	sealing_free(&s);
	return rc;
}

/* -- looking at the seal ----------------------------------------------------------- */

/* Sizes that fit the file and one another. */
static bool fits(const uint8_t end[END], uint64_t size)
{
	const uint64_t page = eng_get32(end + 4), list = (uint64_t)eng_get32(end + 8) * 4, used = eng_get64(end + 16);

	return eng_get32(end) == MAGIC && page >= PAGE_MIN && page <= PAGE_MAX && used <= size && used % page == 0 &&
	       list / 4 <= used / page && used + list + END == size;
}

static int check_pages(struct sealing *s, const uint8_t *end, uint32_t pages, struct engram_error *err)
{
	int rc = 0;

	s->page = eng_get32(end + 4);
	s->p = eng_alloc(s->page);
	if (!s->p)
		return eng_err_nomem(err);
	for (uint32_t i = 0; rc == 0 && i < pages; i++)
		rc = add_page(s, eng_get32(s->list.p + 4 * (size_t)i), err);
	if (rc == 0 && s->hashes.failed)
		rc = eng_err_nomem(err);
	if (rc == 0 && eng_get64(end + 24) != eng_hash64(s->hashes.p, s->hashes.n)) {
		rc = eng_err(err, ENGRAM_EDAMAGED, "%s: pages of keys: wanted check %016llx, found %016llx", s->path,
		             (unsigned long long)eng_get64(end + 24),
		             (unsigned long long)eng_hash64(s->hashes.p, s->hashes.n));
		eng_err_hint(err, "engram-consolidate --rebuild derives it anew from the log");
	}
	return rc;
}

static int check_seal(struct sealing *s, uint64_t size, struct engram_error *err)
{
	uint8_t end[END];
	uint32_t pages;
	size_t n;
	int rc = size < END ? truncated(s, err) : read_at(s, end, sizeof end, size - END, err);

	if (rc < 0)
		return rc;
	if (!fits(end, size))
		return truncated(s, err);
	pages = eng_get32(end + 8);
	n = (size_t)pages * 4 + END;
	if (!eng_buf_reserve(&s->list, n))
		return eng_err_nomem(err);
	rc = read_at(s, s->list.p, n, size - n, err);
	if (rc == 0 && eng_get64(end + 32) != XXH3_64bits(s->list.p, n - 8))
		rc = truncated(s, err);
	return rc == 0 ? check_pages(s, end, pages, err) : rc;
}

int eng_seal_check(const struct eng_sys *sys, const char *path, struct engram_error *err)
{
	struct sealing s = {.sys = sys, .path = path, .fd = eng_fs_open(sys, path, O_RDONLY, 0)};
	struct eng_stat st;
	int rc = s.fd < 0 ? s.fd : sys->fs.ops->fstat(sys->fs.ctx, s.fd, &st);

	rc = rc < 0 ? eng_err_os(err, -rc, "%s", path) : check_seal(&s, st.size, err);
	sealing_free(&s);
	return rc;
}
