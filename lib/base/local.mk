ENGRAM_AREAS += libeng_base.la
libeng_base_la_SOURCES =
EXTRA_DIST += %D%/README.md
