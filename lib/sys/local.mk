ENGRAM_AREAS += libeng_sys.la
libeng_sys_la_SOURCES = \
	%D%/sys.h %D%/posix.h \
	%D%/clock.c %D%/file.c %D%/fs.c %D%/guard.c %D%/linked.c %D%/lock.c %D%/machine.c %D%/machine.h %D%/numa.c \
	%D%/pipes.c %D%/pipes.h %D%/posix.c %D%/process.c %D%/process.h %D%/random.c %D%/workers.c %D%/workers.h
EXTRA_DIST += %D%/README.md
