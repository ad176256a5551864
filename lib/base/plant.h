/* plant.h - planted bugs, for tests of the tests.
 *
 * ENG_PLANTED(n) is false, and its branch is gone, in every build but some of
 * tests/: those compile an area again with ENG_PLANTABLE, choose a bug, and must
 * then find it.  Up to 99 break a law (tests/prop says of each what it is), from 101
 * on something that the simulator checks (tests/sim/test_planted.c). */
#ifndef ENG_BASE_PLANT_H
#define ENG_BASE_PLANT_H

#ifdef ENG_PLANTABLE
extern int eng_planted; /* which; 0 = none; merge/item.c */
#define ENG_PLANTED(n) (eng_planted == (n))
#else
#define ENG_PLANTED(n) false
#endif

#endif
