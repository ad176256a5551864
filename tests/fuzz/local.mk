# Fuzz targets.  `make check` replays corpus and seeds with a fixed number of changes;
# `make fuzz FUZZ=json FUZZ_SECONDS=60` searches with clang's libFuzzer.
check_PROGRAMS += %D%/fuzz_json %D%/fuzz_num %D%/fuzz_frame %D%/fuzz_item %D%/fuzz_toml %D%/fuzz_embed \
	%D%/fuzz_import %D%/fuzz_segment %D%/fuzz_session %D%/fuzz_view
FUZZ_COMMON = %D%/replay.c %D%/fuzz.h
tests_fuzz_fuzz_json_SOURCES = %D%/fuzz_json.c $(FUZZ_COMMON)
tests_fuzz_fuzz_num_SOURCES = %D%/fuzz_num.c $(FUZZ_COMMON)
tests_fuzz_fuzz_frame_SOURCES = %D%/fuzz_frame.c $(FUZZ_COMMON)
tests_fuzz_fuzz_segment_SOURCES = %D%/fuzz_segment.c $(FUZZ_COMMON)
tests_fuzz_fuzz_item_SOURCES = %D%/fuzz_item.c $(FUZZ_COMMON)
tests_fuzz_fuzz_toml_SOURCES = %D%/fuzz_toml.c $(FUZZ_COMMON)
tests_fuzz_fuzz_embed_SOURCES = %D%/fuzz_embed.c $(FUZZ_COMMON)
tests_fuzz_fuzz_session_SOURCES = %D%/fuzz_session.c $(FUZZ_COMMON) $(MODELSTORE)
tests_fuzz_fuzz_view_SOURCES = %D%/fuzz_view.c $(FUZZ_COMMON) tests/lib/foldfix.c tests/lib/foldfix.h
tests_fuzz_fuzz_view_LDADD = $(LDADD) -lpthread
tests_fuzz_fuzz_import_SOURCES = %D%/fuzz_import.c $(FUZZ_COMMON)
tests_fuzz_fuzz_import_LDADD = libcmd.la libeng_all.la
EXTRA_DIST += %D%/README.md %D%/corpus

FUZZ = json
FUZZ_SECONDS = 60
FUZZ_CC = clang
FUZZ_FLAGS = -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

.PHONY: fuzz
fuzz: %D%/fuzz_$(FUZZ)
	$(MKDIR_P) fuzz/$(FUZZ)
	./%D%/fuzz_$(FUZZ) --seeds fuzz/$(FUZZ)
	$(FUZZ_CC) $(FUZZ_FLAGS) $(DEFAULT_INCLUDES) $(DEFS) $(AM_CPPFLAGS) $(libeng_config_la_CPPFLAGS) -o fuzz/$(FUZZ).bin \
		$(srcdir)/%D%/fuzz_$(FUZZ).c $(srcdir)/tests/lib/*.c $(srcdir)/lib/*/*.c $(srcdir)/cmd/common/*.c $(srcdir)/cmd/import/*.c \
		$(LMDB_LIBS) $(LIBS)
	cp -p $(srcdir)/%D%/corpus/$(FUZZ)/* fuzz/$(FUZZ)/ 2>/dev/null || :
	fuzz/$(FUZZ).bin -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 fuzz/$(FUZZ)
clean-local: clean-fuzz
.PHONY: clean-fuzz
clean-fuzz:
	rm -rf fuzz
