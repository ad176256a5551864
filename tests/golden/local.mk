# Golden stores: README.md.
TESTS += %D%/golden.bats
EXTRA_PROGRAMS += %D%/append
tests_golden_append_SOURCES = %D%/append.c
EXTRA_DIST += %D%/README.md %D%/golden.bats %D%/make.sh %D%/all.tar.gz %D%/all.ndjson %D%/all.position %D%/all.digest \
	%D%/critical.tar.gz %D%/critical.ndjson %D%/critical.position %D%/critical.digest
%D%/golden.log: %D%/append$(EXEEXT)
CLEANFILES += %D%/append$(EXEEXT)
