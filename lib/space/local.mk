ENGRAM_AREAS += libeng_space.la
libeng_space_la_SOURCES =
EXTRA_DIST += %D%/README.md
