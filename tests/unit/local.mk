# One fragment per area of lib/.
include %D%/base.mk
include %D%/frame.mk
include %D%/merge.mk
include %D%/sys.mk
include %D%/log.mk
include %D%/store.mk
include %D%/config.mk
include %D%/sql.mk
include %D%/text.mk
include %D%/index.mk
include %D%/fold.mk
include %D%/embed.mk
include %D%/space.mk
include %D%/sync.mk
include %D%/recall.mk
include %D%/cmd.mk
