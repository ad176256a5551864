# unit tests of lib/embed
check_PROGRAMS += tests/unit/test_embed
tests_unit_test_embed_SOURCES = %D%/test_embed.c
