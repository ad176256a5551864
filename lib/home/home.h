/* home.h - the directory of all spaces, for those who bring their own seams. */
#ifndef ENG_HOME_HOME_H
#define ENG_HOME_HOME_H

#include "sys/sys.h"

/* engram_home_open with another world than the kernel's. */
int eng_home_open(struct engram_home **home, const struct eng_sys *sys, const char *path, struct engram_error *err);

/* 1-64 of [a-z0-9._-], the first a letter or digit: EUSAGE says what is wrong. */
int eng_space_name_check(const char *name, struct engram_error *err);

#endif
