/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the port's clock is CLOCK_MONOTONIC, in nanoseconds. */
#include "base/platform/platform.h"

#include <criterion/criterion.h>
#include <time.h>

static uint64_t monotonic(void)
{
    struct timespec now;
    cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(platform_clock, is_the_monotonic_one)
{
    for (int i = 0; i < 1000; ++i) {
        uint64_t before = monotonic();
        uint64_t now = kn_platform_clock();
        cr_assert(now >= before);
        cr_assert(now <= monotonic());
    }
}

/* The kernel's answer does not change under our feet. */
Test(platform_clock, trust_in_ticks_is_stable)
{
    bool first = kn_platform_trusts_ticks();
    for (int i = 0; i < 10; ++i) {
        cr_assert_eq(kn_platform_trusts_ticks(), first);
    }
}
