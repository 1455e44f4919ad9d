/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the LIFO slot gives each runnable out once, to its holder or to a thief, with all
 * that was written before it was put in, in both ways of guarding it.
 */
#include "sched/lifo.h"

#include "base/world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct item {
    struct kn_runnable runnable; /* first */
    uint64_t payload;            /* plain: published by the slot alone */
    kn_atomic(uint32_t) taken;
};

enum { ITEMS = 300000, THIEVES = 2 };

static struct kn_worker worker;
static kn_atomic(uint32_t) is_over;
static kn_atomic(uint32_t) wrong;
static kn_atomic(uint32_t) stolen_count;

static void account(struct kn_runnable *runnable)
{
    struct item *item = (struct item *)(void *)runnable;

    if (item->payload != 99 || kn_add(&item->taken, 1, relaxed) != 0) {
        (void)kn_add(&wrong, 1, relaxed);
    }
    item->payload = 0;
}

static void steal_many(void *arg)
{
    (void)arg;
    while (kn_load(&is_over, acquire) == 0) {
        struct kn_runnable *runnable = kn_lifo_steal(&worker);

        if (runnable != NULL) {
            account(runnable);
            (void)kn_add(&stolen_count, 1, relaxed);
        } else {
            kn_thread_yield();
        }
    }
}

static void run(bool is_biased)
{
    struct item *items = calloc(ITEMS, sizeof(struct item));
    struct kn_thread threads[THIEVES] = {{0}};
    struct kn_runnable *out;

    cr_assert_not_null(items);
    memset(&worker, 0, sizeof(worker));
    worker.is_biased = is_biased;
    kn_store(&is_over, 0, relaxed);
    kn_store(&wrong, 0, relaxed);
    for (unsigned i = 0; i < THIEVES; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "thief", steal_many, NULL), 0);
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        items[i].payload = 99;
        out = kn_lifo_put(&worker, &items[i].runnable);
        if (out != NULL) {
            account(out); /* the one before, or this one as a thief was there */
        }
        if (i % 3 == 0 && (out = kn_lifo_take(&worker)) != NULL) {
            account(out);
        }
        if (i % 1024 == 0) {
            kn_thread_yield();
        }
    }
    while (kn_lifo_is_full(&worker)) { /* ends: taken here, or by a thief */
        out = kn_lifo_take(&worker);
        if (out != NULL) {
            account(out);
        }
    }
    kn_store(&is_over, 1, release);
    for (unsigned i = 0; i < THIEVES; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&wrong, relaxed), 0);
    for (unsigned i = 0; i < ITEMS; i++) {
        cr_assert_eq(kn_load(&items[i].taken, relaxed), 1, "item %u", i);
    }
    free(items);
}

Test(lifo, gives_each_out_once_by_exchange, .timeout = 120)
{
    run(/* is_biased= */ false);
}

Test(lifo, gives_each_out_once_when_biased, .timeout = 120)
{
    if (kn_lifo_biased_init()) { /* not under ThreadSanitizer */
        run(/* is_biased= */ true);
    }
}

Test(lifo, the_newcomer_pushes_the_occupant_out)
{
    struct kn_runnable one = {0}, other = {0};

    memset(&worker, 0, sizeof(worker));
    cr_assert_null(kn_lifo_put(&worker, &one));
    cr_assert_eq(kn_lifo_put(&worker, &other), &one);
    cr_assert(kn_lifo_is_full(&worker));
    cr_assert_eq(kn_lifo_take(&worker), &other);
    cr_assert_null(kn_lifo_take(&worker));
    cr_assert_null(kn_lifo_steal(&worker));
}

Test(lifo, a_thief_keeps_the_holder_out_and_does_not_wait_for_it)
{
    struct kn_runnable one = {0};

    memset(&worker, 0, sizeof(worker));
    kn_store(&worker.lifo_revoke, 1, relaxed);
    cr_assert_eq(kn_lifo_put(&worker, &one), &one);
    cr_assert_null(kn_lifo_take(&worker));
    cr_assert_null(kn_lifo_steal(&worker), "one thief at a time");
    kn_store(&worker.lifo_revoke, 0, relaxed);
    cr_assert_null(kn_lifo_put(&worker, &one));
    kn_store(&worker.lifo_busy, 1, relaxed);
    cr_assert_null(kn_lifo_steal(&worker), "the holder is inside");
    kn_store(&worker.lifo_busy, 0, relaxed);
    cr_assert_eq(kn_lifo_steal(&worker), &one);
}
