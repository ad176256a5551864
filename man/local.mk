# Manual pages.
dist_man_MANS += %D%/engram-store.1 %D%/engram-recall.1 %D%/engram-consolidate.1 %D%/engram-shipwal.1 \
	%D%/engram.7 %D%/engram-config.5 %D%/engram-formats.5
