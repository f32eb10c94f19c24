// Allocation failures on purpose. Link with -Wl,--wrap=malloc and so on
// (tests/unit/base/meson.build).
//
//     for (n = 0; ; n++) { alloc_fault_arm(n); code = call(); if (!alloc_fault_disarm()) break;
//     assert(code == SL_E_MEMORY); }
#ifndef SL_TESTS_UNIT_BASE_ALLOC_FAULT_H
#define SL_TESTS_UNIT_BASE_ALLOC_FAULT_H

#include <stdbool.h>

// The allocation number `n` from now on (0: the next one) fails, once.
void alloc_fault_arm(long n);
// Back to normal; true if the failure has happened.
bool alloc_fault_disarm(void);

#endif
