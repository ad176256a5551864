/* info.c - what a space holds, in numbers. */
#include "space/snapshot_int.h"

#include <stdio.h>

static uint64_t file_bytes(const struct engram_space *s, const char *name, const char *suffix)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;

	if (!eng_path(path, s->dir, "%s%s", name, suffix) || s->sys->fs.ops->stat(s->sys->fs.ctx, path, &st) < 0)
		return 0;
	return st.blocks * 512;
}

static uint64_t derived_bytes(struct engram_space *s)
{
	char view[ENG_VIEW_NAME_MAX];

	if (!s->gen)
		return 0;
	return (eng_view_in_use(view, s) == 1 ? file_bytes(s, view, "") : 0) + file_bytes(s, s->gen->state, "") +
	       file_bytes(s, s->gen->state, "-lock") + file_bytes(s, s->gen->text, "") +
	       file_bytes(s, s->gen->text, "-wal") + file_bytes(s, s->gen->text, "-shm");
}

uint32_t eng_space_state_version(void)
{
	return ENG_STATE_VERSION;
}

int engram_space_identity(struct engram_space *s, struct engram_space_info *out, struct engram_error *err)
{
	struct engram_space_info info = {0};
	int r = eng_space_check_handle(s, err);

	if (r < 0)
		return r;
	snprintf(info.name, sizeof info.name, "%s", s->name);
	info.id = s->id;
	info.created_us = s->created_us;
	*out = info;
	return 0;
}

int engram_space_info(struct engram_space *s, struct engram_space_info *out, struct engram_error *err)
{
	struct engram_space_info info;
	struct eng_snapshot *snap;
	int r = engram_space_identity(s, &info, err);

	if (r == 0)
		r = eng_snapshot_open(&snap, s, ENG_SNAP_ITEMS, err);
	if (r < 0)
		return r;
	info.memories = eng_snapshot_corpus(snap).docs;
	info.frames = snap->view.durable;
	info.unapplied = eng_snapshot_unapplied(snap);
	info.log_bytes = eng_log_bytes(s->log);
	info.derived_bytes = derived_bytes(s);
	eng_snapshot_close(snap);
	*out = info;
	return 0;
}

int eng_space_figures(struct engram_space *s, struct engram_report *out, struct engram_error *err)
{
	struct eng_snapshot *snap;
	int r = eng_snapshot_open(&snap, s, ENG_SNAP_ITEMS, err);

	if (r < 0)
		return r;
	out->memories = eng_snapshot_corpus(snap).docs;
	out->held = eng_view_held(&snap->view);
	r = eng_view_digest_whole(out->digest, &snap->view, err);
	eng_snapshot_close(snap);
	return r;
}
