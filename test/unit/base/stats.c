/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a reader of a counter sees it grow and never torn, while its one writer adds. */
#include "base/stats.h"
#include "base/world.h"

#include <criterion/criterion.h>

Test(stats, adds_and_keeps_the_highest)
{
    struct kn_count count = {0};
    kn_count_add(&count, 5);
    kn_count_add(&count, 0);
    kn_count_add(&count, 7);
    cr_assert_eq(kn_count_read(&count), 12);

    struct kn_count high = {0};
    kn_count_max(&high, 9);
    kn_count_max(&high, 3);
    kn_count_max(&high, 9);
    cr_assert_eq(kn_count_read(&high), 9);
}

/* A step with equal halves: a torn read would show two different ones. */
#define STEP UINT64_C(0x0000000100000001)
enum { STEPS = 200000 };

static void add_steps(void *arg)
{
    for (int i = 0; i < STEPS; ++i) {
        kn_count_add(arg, STEP);
    }
}

Test(stats, is_read_whole_by_another_thread)
{
    struct kn_count count = {0};
    struct kn_thread writer = {0};
    cr_assert_eq(kn_thread_start(&writer, "writer", add_steps, &count), 0);
    uint64_t last = 0;
    while (last != STEPS * STEP) {
        uint64_t now = kn_count_read(&count);
        cr_assert_eq(now >> 32, now & UINT32_MAX);
        cr_assert(now >= last);
        last = now;
    }
    kn_thread_join(&writer);
}
