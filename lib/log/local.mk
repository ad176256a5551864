ENGRAM_AREAS += libeng_log.la
libeng_log_la_SOURCES = %D%/log.h %D%/locks.h
EXTRA_DIST += %D%/README.md
