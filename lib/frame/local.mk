ENGRAM_AREAS += libeng_frame.la
libeng_frame_la_SOURCES =
EXTRA_DIST += %D%/README.md
