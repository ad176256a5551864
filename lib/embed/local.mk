ENGRAM_AREAS += libeng_embed.la
libeng_embed_la_SOURCES = %D%/embed.h %D%/embedder.c %D%/line.c
EXTRA_DIST += %D%/README.md
