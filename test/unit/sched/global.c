/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the global queue keeps order within a level, takes in chains, ages, and loses
 * nothing. */
#include "sched/global.h"

#include "base/world.h"
#include "sched/prio.h"

#include <criterion/criterion.h>
#include <string.h>

static struct kn_global global;
static struct kn_runnable items[4000];

static void clear(void)
{
    memset(&global, 0, sizeof(global));
    memset(items, 0, sizeof(items));
}

Test(global, is_first_in_first_out_within_a_level, .init = clear)
{
    enum kn_prio prio;
    uint32_t count;

    cr_assert_null(kn_global_take(&global, 8, &prio, &count));
    for (unsigned i = 0; i < 10; i++) {
        kn_global_push(&global, &items[i], &items[i], 1, KN_PRIO_NORMAL);
    }
    cr_assert_eq(kn_global_len(&global), 10);
    for (unsigned i = 0; i < 10; i += 2) {
        struct kn_runnable *first = kn_global_take(&global, 2, &prio, &count);

        cr_assert_eq(first, &items[i]);
        cr_assert_eq(first->next, &items[i + 1]);
        cr_assert_null(first->next->next);
        cr_assert_eq(count, 2);
        cr_assert_eq(prio, KN_PRIO_NORMAL);
    }
    cr_assert_eq(kn_global_len(&global), 0);
}

Test(global, takes_no_more_than_there_is_and_not_across_levels, .init = clear)
{
    enum kn_prio prio;
    uint32_t count;

    items[0].next = &items[1];
    items[1].next = &items[2];
    kn_global_push(&global, &items[0], &items[2], 3, KN_PRIO_LOW);
    kn_global_push(&global, &items[3], &items[3], 1, KN_PRIO_HIGH);
    cr_assert_eq(kn_global_take(&global, 100, &prio, &count), &items[3]);
    cr_assert_eq(count, 1);
    cr_assert_eq(kn_global_take(&global, 100, &prio, &count), &items[0]);
    cr_assert_eq(count, 3);
    cr_assert_eq(prio, KN_PRIO_LOW);
}

Test(global, the_lowest_level_gets_its_turn, .init = clear)
{
    enum kn_prio prio = KN_PRIO_CRITICAL;
    uint32_t count;
    unsigned turns = 0;

    kn_global_push(&global, &items[0], &items[0], 1, KN_PRIO_LOW);
    for (unsigned i = 1; prio != KN_PRIO_LOW; i++, turns++) {
        kn_global_push(&global, &items[i], &items[i], 1, KN_PRIO_CRITICAL);
        cr_assert_not_null(kn_global_take(&global, 1, &prio, &count));
        cr_assert_lt(turns, 4 * KN_AGEING_DISPATCHES);
    }
    cr_assert_gt(turns, 2 * KN_AGEING_DISPATCHES, "but not too early");
}

Test(global, ageing_serves_all_levels_of_a_flood_by_weight, .init = clear)
{
    uint32_t skipped[KN_PRIO_COUNT_] = {0};
    unsigned served[KN_PRIO_COUNT_] = {0};

    for (unsigned i = 0; i < 10000; i++) {
        served[kn_prio_due(15, skipped)]++;
    }
    for (unsigned i = 0; i + 1 < KN_PRIO_COUNT_; i++) {
        cr_assert_gt(served[i], 10000 / (4 * KN_AGEING_DISPATCHES) / 2);
        cr_assert_leq(served[i], served[i + 1]);
    }
}

static kn_atomic(uint32_t) taken;

static void push_and_take(void *arg)
{
    struct kn_runnable *mine = arg;
    enum kn_prio prio;
    uint32_t count;

    for (unsigned i = 0; i < 1000; i++) {
        kn_global_push(&global, &mine[i], &mine[i], 1, (enum kn_prio)(i % KN_PRIO_COUNT_));
        if (i % 2 == 1 && kn_global_take(&global, 2, &prio, &count) != NULL) {
            (void)kn_add(&taken, count, relaxed);
        }
    }
}

Test(global, many_threads_lose_nothing, .init = clear)
{
    struct kn_thread threads[4] = {{0}};
    enum kn_prio prio;
    uint32_t count;

    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "global", push_and_take, &items[i * 1000]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        kn_thread_join(&threads[i]);
    }
    while (kn_global_take(&global, 7, &prio, &count) != NULL) {
        (void)kn_add(&taken, count, relaxed);
    }
    cr_assert_eq(kn_load(&taken, relaxed), 4000);
}
