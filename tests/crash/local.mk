# Crash tests: simulated disks, kills, threads.  README.md tells what each is for.
EXTRA_DIST += %D%/README.md

simulator = %D%/simfs.c %D%/simimage.c %D%/simfs.h %D%/simfs_int.h
logclient = %D%/logclient.c %D%/logclient.h

check_PROGRAMS += %D%/test_simfs
tests_crash_test_simfs_SOURCES = %D%/test_simfs.c $(simulator)

check_PROGRAMS += %D%/test_readers
tests_crash_test_readers_SOURCES = %D%/test_readers.c $(simulator)
