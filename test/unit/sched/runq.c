/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the run queue is first in first out for its owner, that a thief takes half (T028),
 * that spilling takes the older half, that indices may wrap, and that under thieves each runnable
 * is taken once.
 */
#include "sched/runq.h"

#include "base/world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct kn_runnable items[1000];

static void fill(struct kn_runq *queue, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        cr_assert(kn_runq_push(queue, &items[i]));
    }
}

Test(runq, is_first_in_first_out_and_bounded)
{
    for (int is_single = 0; is_single < 2; is_single++) {
        static struct kn_runq queue;

        memset(&queue, 0, sizeof(queue));
        cr_assert_null(kn_runq_pop(&queue, is_single));
        fill(&queue, 0, KN_RUNQ_SLOTS);
        cr_assert_eq(kn_runq_len(&queue), KN_RUNQ_SLOTS);
        cr_assert(!kn_runq_push(&queue, &items[999]), "full");
        for (unsigned i = 0; i < KN_RUNQ_SLOTS; i++) {
            cr_assert_eq(kn_runq_pop(&queue, is_single), &items[i]);
        }
        cr_assert_null(kn_runq_pop(&queue, is_single));
    }
}

Test(runq, a_thief_takes_half_and_runs_the_last) /* T028 */
{
    static struct kn_runq victim, mine;
    uint32_t count = 0;

    fill(&victim, 0, 200);
    cr_assert_eq(kn_runq_steal(&victim, &mine, &count), &items[99]);
    cr_assert_eq(count, 100);
    cr_assert_eq(kn_runq_len(&victim), 100);
    cr_assert_eq(kn_runq_len(&mine), 99);
    for (unsigned i = 0; i < 99; i++) {
        cr_assert_eq(kn_runq_pop(&mine, false), &items[i]);
    }
    cr_assert_eq(kn_runq_pop(&victim, false), &items[100]);
}

Test(runq, a_thief_takes_the_only_one_and_nothing_from_nothing)
{
    static struct kn_runq victim, mine;
    uint32_t count = 0;

    cr_assert_null(kn_runq_steal(&victim, &mine, &count));
    fill(&victim, 0, 1);
    cr_assert_eq(kn_runq_steal(&victim, &mine, &count), &items[0]);
    cr_assert_eq(count, 1);
    cr_assert_eq(kn_runq_len(&mine), 0);
    fill(&victim, 1, 10);
    fill(&mine, 20, 1);
    cr_assert_null(kn_runq_steal(&victim, &mine, &count), "who has work does not steal");
}

Test(runq, spilling_takes_the_older_half_linked_in_order)
{
    static struct kn_runq queue;
    struct kn_runnable *first, *last;

    fill(&queue, 0, KN_RUNQ_SLOTS - 1);
    cr_assert_eq(kn_runq_spill(&queue, &first, &last), 0, "not full");
    fill(&queue, KN_RUNQ_SLOTS - 1, 1);
    cr_assert_eq(kn_runq_spill(&queue, &first, &last), KN_RUNQ_SLOTS / 2);
    for (unsigned i = 0; i < KN_RUNQ_SLOTS / 2; i++, first = first->next) {
        cr_assert_eq(first, &items[i]);
    }
    cr_assert_null(first);
    cr_assert_eq(last, &items[KN_RUNQ_SLOTS / 2 - 1]);
    cr_assert_eq(kn_runq_pop(&queue, false), &items[KN_RUNQ_SLOTS / 2]);
}

Test(runq, indices_may_wrap)
{
    static struct kn_runq victim, mine;
    uint32_t count = 0;

    kn_atomic_init(&victim.head, UINT32_MAX - 50);
    kn_atomic_init(&victim.tail, UINT32_MAX - 50);
    kn_atomic_init(&mine.head, UINT32_MAX - 10);
    kn_atomic_init(&mine.tail, UINT32_MAX - 10);
    fill(&victim, 0, KN_RUNQ_SLOTS);
    cr_assert(!kn_runq_push(&victim, &items[999]));
    cr_assert_eq(kn_runq_steal(&victim, &mine, &count), &items[127]);
    cr_assert_eq(count, 128);
    for (unsigned i = 0; i < 127; i++) {
        cr_assert_eq(kn_runq_pop(&mine, false), &items[i]);
    }
    for (unsigned i = 128; i < KN_RUNQ_SLOTS; i++) {
        cr_assert_eq(kn_runq_pop(&victim, false), &items[i]);
    }
}

/* ---- one owner, three thieves ---- */

enum { ROUNDS = 200000, THIEVES = 3 };

struct counted {
    struct kn_runnable runnable; /* first */
    uint32_t payload;            /* plain: must be published with the queue */
    kn_atomic(uint32_t) taken;
};

static struct kn_runq shared;
static kn_atomic(uint32_t) is_over;
static kn_atomic(uint32_t) wrong;

static void account(struct kn_runnable *runnable)
{
    struct counted *counted = (struct counted *)(void *)runnable;

    if (counted->payload != 7 || kn_add(&counted->taken, 1, relaxed) != 0) {
        (void)kn_add(&wrong, 1, relaxed);
    }
}

static void steal_all(void *arg)
{
    struct kn_runq *mine = arg;
    uint32_t count = 0;

    while (kn_load(&is_over, acquire) == 0) {
        struct kn_runnable *runnable = kn_runq_steal(&shared, mine, &count);

        if (runnable == NULL) {
            kn_thread_yield();
            continue;
        }
        account(runnable);
        while ((runnable = kn_runq_pop(mine, false)) != NULL) {
            account(runnable);
        }
    }
}

Test(runq, owner_and_thieves_take_each_once, .timeout = 120)
{
    static struct kn_runq mine[THIEVES];
    struct kn_thread threads[THIEVES] = {{0}};
    struct counted *all = calloc(ROUNDS, sizeof(struct counted));
    struct kn_runnable *first, *runnable;
    struct kn_runnable *last;

    cr_assert_not_null(all);
    for (unsigned i = 0; i < THIEVES; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "thief", steal_all, &mine[i]), 0);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        all[i].payload = 7;
        while (!kn_runq_push(&shared, &all[i].runnable)) {
            for (uint32_t n = kn_runq_spill(&shared, &first, &last); n > 0; n--) {
                runnable = first;
                first = first->next;
                account(runnable);
            }
        }
        if (i % 3 == 0 && (runnable = kn_runq_pop(&shared, false)) != NULL) {
            account(runnable);
        }
    }
    while ((runnable = kn_runq_pop(&shared, false)) != NULL) {
        account(runnable);
    }
    while (kn_runq_len(&mine[0]) + kn_runq_len(&mine[1]) + kn_runq_len(&mine[2]) > 0) {
        kn_thread_yield();
    }
    kn_store(&is_over, 1, release);
    for (unsigned i = 0; i < THIEVES; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&wrong, relaxed), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        cr_assert_eq(kn_load(&all[i].taken, relaxed), 1, "%u", i);
    }
    free(all);
}
