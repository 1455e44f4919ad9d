/* SPDX-License-Identifier: Apache-2.0 */
/* The time stamp counter. The contract is base/platform/ticks.h. */
#ifndef KN_BASE_PLATFORM_X86_64_TICKS_H
#define KN_BASE_PLATFORM_X86_64_TICKS_H

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * No lfence before it: that would order it behind earlier loads, so that time never seems to run
 * backwards between two threads that talk, by some ten ns. It costs half as much again, and nobody
 * here needs it: on one thread two reads are in order.
 */
static inline uint64_t kn_platform_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

/* Invariant TSC: the processor (or the hypervisor, which knows where it may move us) vouches for
 * it. */
static inline bool kn_platform_ticks_are_steady(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007u, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}

#endif
