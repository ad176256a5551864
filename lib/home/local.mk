ENGRAM_AREAS += libeng_home.la
libeng_home_la_SOURCES =
EXTRA_DIST += %D%/README.md
