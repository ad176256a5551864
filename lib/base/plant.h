/* plant.h - planted bugs, for the simulator's own test.
 *
 * ENG_SIM_PLANTED(n) is 0, and its branch is gone, in every build but one:
 * tests/sim compiles some areas again with ENG_SIM_PLANTS, and must then find each
 * bug within a stated number of runs (tests/sim/test_planted.c names them). */
#ifndef ENG_BASE_PLANT_H
#define ENG_BASE_PLANT_H

#ifdef ENG_SIM_PLANTS
extern unsigned eng_sim_plant; /* which; 0 = none */
#define ENG_SIM_PLANTED(n) (eng_sim_plant == (n))
#else
#define ENG_SIM_PLANTED(n) 0
#endif

#endif
