ENGRAM_AREAS += libeng_text.la
libeng_text_la_SOURCES = %D%/text.h %D%/text_int.h %D%/fold.c %D%/fold.inc %D%/common.c %D%/common.inc \
	%D%/stem.c %D%/words.c %D%/number.c %D%/terms.c %D%/grams.c %D%/hash1.c %D%/query.c \
	%D%/lexicon.c %D%/top.c %D%/fts.c
EXTRA_DIST += %D%/README.md %D%/gen-fold.py %D%/gen-common.py
