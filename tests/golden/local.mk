# Golden stores and a golden view file: README.md.
TESTS += %D%/golden.bats
EXTRA_PROGRAMS += %D%/append %D%/view
tests_golden_append_SOURCES = %D%/append.c
tests_golden_view_SOURCES = %D%/view.c $(FOLD_FIXTURE)
tests_golden_view_LDADD = $(LDADD) -lpthread
EXTRA_DIST += %D%/README.md %D%/golden.bats %D%/make.sh %D%/all.tar.gz %D%/all.ndjson %D%/all.position %D%/all.digest \
	%D%/critical.tar.gz %D%/critical.ndjson %D%/critical.position %D%/critical.digest %D%/view.mdb.gz %D%/view.txt
%D%/golden.log: %D%/append$(EXEEXT) %D%/view$(EXEEXT)
CLEANFILES += %D%/append$(EXEEXT) %D%/view$(EXEEXT)
