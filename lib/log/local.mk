ENGRAM_AREAS += libeng_log.la
libeng_log_la_SOURCES =
EXTRA_DIST += %D%/README.md
