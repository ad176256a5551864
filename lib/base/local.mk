ENGRAM_AREAS += libeng_base.la
libeng_base_la_SOURCES = \
	%D%/alloc.c %D%/alloc.h \
	%D%/arena.c %D%/arena.h \
	%D%/base32.c %D%/base32.h \
	%D%/buf.c %D%/buf.h \
	%D%/err.c %D%/err.h \
	%D%/fixed.c %D%/fixed.h \
	%D%/float.c \
	%D%/hash.c %D%/hash.h %D%/hash_int.h \
	%D%/hash_avx2.c \
	%D%/json.c %D%/json.h \
	%D%/json_out.c \
	%D%/le.h \
	%D%/num.c %D%/num.h \
	%D%/rng.c %D%/rng.h \
	%D%/time.c \
	%D%/toml.c %D%/toml.h \
	%D%/toml_value.c %D%/toml_int.h \
	%D%/plant.h \
	%D%/types.h \
	%D%/utf8.c %D%/utf8.h \
	%D%/vec.c %D%/vec.h \
	%D%/vec_kernels.c \
	%D%/wide.h \
	%D%/word.c \
	%D%/workers.h
EXTRA_DIST += %D%/README.md
