/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cheapest counter of the processor that grows with time.
 *
 *   uint64_t kn_platform_ticks(void)            its value; not ordered with memory accesses around
 * it bool kn_platform_ticks_are_steady(void)     whether it counts at one rate, asleep or awake
 */
#ifndef KN_BASE_PLATFORM_TICKS_H
#define KN_BASE_PLATFORM_TICKS_H

#if defined(__x86_64__)
#include "base/platform/x86_64/ticks.h"
#elif defined(__aarch64__)
#include "base/platform/aarch64/ticks.h"
#else
#error "koken: no port for this architecture (see base/platform/platform.h)"
#endif

#endif
