# Crash tests: simulated disks, kills, threads.  README.md tells what each is for.
EXTRA_DIST += %D%/README.md

simulator = %D%/simfs.c %D%/simrecord.c %D%/simimage.c %D%/simfs.h %D%/simfs_int.h
logclient = %D%/logclient.c %D%/logclient.h

check_PROGRAMS += %D%/test_simfs
tests_crash_test_simfs_SOURCES = %D%/test_simfs.c $(simulator)

check_PROGRAMS += %D%/test_readers
tests_crash_test_readers_SOURCES = %D%/test_readers.c $(simulator)

check_PROGRAMS += %D%/test_log_images
tests_crash_test_log_images_SOURCES = %D%/test_log_images.c $(logclient) $(simulator)

check_PROGRAMS += %D%/test_receive
tests_crash_test_receive_SOURCES = %D%/test_receive.c $(logclient) $(simulator)

check_PROGRAMS += %D%/test_kill
tests_crash_test_kill_SOURCES = %D%/test_kill.c $(logclient)

check_PROGRAMS += %D%/test_threads
THREAD_TESTS += %D%/test_threads
tests_crash_test_threads_SOURCES = %D%/test_threads.c $(logclient) $(simulator)

# The protocol under everything, and the same with one step of it changed:
# lib/log is compiled again with -DENG_PLANT=n for these.
power = %D%/power.c %D%/faultdisk.c %D%/faultcut.c %D%/faultdisk.h %D%/faultdisk_int.h $(logclient) $(simulator)
planted = $(power) $(libeng_log_la_SOURCES)
below_log = libeng_sys.la libeng_frame.la libeng_base.la

check_PROGRAMS += %D%/test_power %D%/test_power_plant1 %D%/test_power_plant2 %D%/test_power_plant3 \
	%D%/test_power_plant4 %D%/test_power_plant5
tests_crash_test_power_SOURCES = $(power)
tests_crash_test_power_plant1_SOURCES = $(planted)
tests_crash_test_power_plant1_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANT=1
tests_crash_test_power_plant1_LDADD = $(below_log)
tests_crash_test_power_plant2_SOURCES = $(planted)
tests_crash_test_power_plant2_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANT=2
tests_crash_test_power_plant2_LDADD = $(below_log)
tests_crash_test_power_plant3_SOURCES = $(planted)
tests_crash_test_power_plant3_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANT=3
tests_crash_test_power_plant3_LDADD = $(below_log)
tests_crash_test_power_plant4_SOURCES = $(planted)
tests_crash_test_power_plant4_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANT=4
tests_crash_test_power_plant4_LDADD = $(below_log)
tests_crash_test_power_plant5_SOURCES = $(planted)
tests_crash_test_power_plant5_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANT=5
tests_crash_test_power_plant5_LDADD = $(below_log)

# Whole spaces.
spaceclient = %D%/spaceclient.c %D%/spaceclient.h

check_PROGRAMS += %D%/test_space_images %D%/test_space_kill %D%/test_nth
tests_crash_test_space_images_SOURCES = %D%/test_space_images.c $(spaceclient) $(simulator)
tests_crash_test_space_kill_SOURCES = %D%/test_space_kill.c $(spaceclient)
tests_crash_test_nth_SOURCES = %D%/test_nth.c $(spaceclient) $(simulator)

# The same, longer: make check-crash-long.
CRASH_TESTS = $(filter %D%/%,$(check_PROGRAMS))
.PHONY: check-crash-long
check-crash-long: $(CRASH_TESTS)
	ENG_IMAGES=4 ENG_POWER=10 ENG_KILLS=400 ENG_KILL_MS=30000 ENGRAM_FOLD_ROUNDS=200 \
		$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(CRASH_TESTS) tests/cli/fold_faults.bats' TIMEOUT='timeout -k 10 3600'
