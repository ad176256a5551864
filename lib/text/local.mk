ENGRAM_AREAS += libeng_text.la
libeng_text_la_SOURCES =
EXTRA_DIST += %D%/README.md
