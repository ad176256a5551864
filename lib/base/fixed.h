/* fixed.h - functions of real numbers as integers in 1/65,536 (Q16), the same
 * bits on every machine. */
#ifndef ENG_BASE_FIXED_H
#define ENG_BASE_FIXED_H

#include <stdint.h>

uint32_t eng_log2_q16(uint64_t v);          /* v > 0 */
uint32_t eng_exp2_neg_q16(uint32_t x_q16);  /* 2^-x */
uint32_t eng_logistic_q16(int32_t x_q16);   /* 1 / (1 + e^-x); flat beyond 8 */

#endif
