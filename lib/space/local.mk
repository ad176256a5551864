# space
ENGRAM_AREAS += libeng_space.la
libeng_space_la_SOURCES = \
	%D%/apply.c \
	%D%/apply_item.c \
	%D%/as_of.c \
	%D%/body.c %D%/bucket.c \
	%D%/check.c %D%/check_edges.c %D%/check_graphs.c %D%/check_tables.c %D%/check_text.c %D%/check_vectors.c \
	%D%/compact.c \
	%D%/create.c \
	%D%/dfmap.c \
	%D%/digest.c \
	%D%/doc.c \
	%D%/draft.c \
	%D%/edges.c \
	%D%/exchange.c \
	%D%/fold.c %D%/fold_look.c %D%/fold_take.c \
	%D%/folded.c \
	%D%/forget.c \
	%D%/forks.c \
	%D%/frame_json.c \
	%D%/frames.c %D%/frames.h \
	%D%/gen.c \
	%D%/horizon.c \
	%D%/identity.c \
	%D%/idmap.c \
	%D%/info.c \
	%D%/killers.c \
	%D%/libraries.c \
	%D%/last_run.c \
	%D%/learn.c \
	%D%/link.c \
	%D%/lookup.c \
	%D%/nodes.c \
	%D%/open.c \
	%D%/overlay.c \
	%D%/position.c \
	%D%/purge_edges.c \
	%D%/raw.c \
	%D%/rebuild.c \
	%D%/revise.c \
	%D%/rows.c \
	%D%/said.c \
	%D%/salvage.c \
	%D%/schema.c \
	%D%/series.c \
	%D%/skipped.c \
	%D%/snapshot.c %D%/snapshot_graph.c %D%/snapshot_vectors.c \
	%D%/text_sync.c \
	%D%/unindexed.c \
	%D%/validate.c %D%/vectors.c \
	%D%/view.c \
	%D%/waits.c %D%/warm.c \
	%D%/written.c \
	%D%/writer.c \
	%D%/check_int.h %D%/fold_int.h %D%/snapshot_int.h %D%/space.h %D%/space_int.h %D%/writer_int.h
EXTRA_DIST += %D%/README.md
