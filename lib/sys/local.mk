ENGRAM_AREAS += libeng_sys.la
libeng_sys_la_SOURCES =
EXTRA_DIST += %D%/README.md
