/* SPDX-License-Identifier: Apache-2.0 */
/* The generic timer's virtual counter. The contract is base/platform/ticks.h. */
#ifndef KN_BASE_PLATFORM_AARCH64_TICKS_H
#define KN_BASE_PLATFORM_AARCH64_TICKS_H

#include <stdbool.h>
#include <stdint.h>

/* No isb before it, for the reason that x86_64/ticks.h gives for lfence. */
static inline uint64_t kn_platform_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}

/* The architecture says so: one rate, all processors alike. */
static inline bool kn_platform_ticks_are_steady(void)
{
    return true;
}

#endif
