# unit tests of lib/frame
check_PROGRAMS += tests/unit/test_frame_codec
tests_unit_test_frame_codec_SOURCES = tests/unit/test_frame_codec.c
