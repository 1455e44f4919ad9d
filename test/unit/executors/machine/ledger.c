/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: a resource at a hop is spent once, by whichever thread is first; what was undone may be spent again; a
 * full ledger says so, and grows until it is.
 */
#include "executors/machine/ledger.h"

#include "base/atomic.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct koken_ledger *ledger_of(uint32_t entries_max)
{
    struct koken_ledger *ledger;
    (void)kn_world_init();
    cr_assert_eq(koken_ledger_new(entries_max, &ledger), 0);
    return ledger;
}

Test(ledger, each_hop_is_spent_once)
{
    struct koken_ledger *ledger = ledger_of(0);
    cr_assert(kn_ledger_is_fresh(ledger, 1, 2, 0));
    cr_assert_eq(kn_ledger_spend(ledger, 1, 2, 0, 1), 0);
    cr_assert_eq(kn_ledger_spend(ledger, 1, 2, 0, 1), -EPERM);
    cr_assert(!kn_ledger_is_fresh(ledger, 1, 2, 0));
    cr_assert(kn_ledger_is_fresh(ledger, 1, 2, 1));
    cr_assert_eq(kn_ledger_spend(ledger, 1, 2, 1, KN_HOP_END), 0);
    cr_assert_eq(kn_ledger_spend(ledger, 1, 2, 1, 2), -EPERM);
    cr_assert_eq(kn_ledger_spend(ledger, 1, 2, 5, 6), -EPERM); /* used up is used up */
    cr_assert_eq(kn_ledger_spend(ledger, 2, 1, 0, 1), 0);      /* another one */
    cr_assert_eq(koken_ledger_count(ledger), 2);
    koken_ledger_free(ledger);
}

Test(ledger, what_was_undone_may_be_spent_again)
{
    struct koken_ledger *ledger = ledger_of(0);
    cr_assert_eq(kn_ledger_spend(ledger, 1, 2, 3, KN_HOP_END), 0);
    kn_ledger_undo(ledger, 1, 2, 3);
    cr_assert(!kn_ledger_is_fresh(ledger, 1, 2, 2)); /* its earlier hops stay spent */
    cr_assert_eq(kn_ledger_spend(ledger, 1, 2, 3, 4), 0);
    cr_assert_eq(koken_ledger_count(ledger), 1);
    koken_ledger_free(ledger);
}

Test(ledger, it_grows_to_its_bound)
{
    struct koken_ledger *ledger = ledger_of(1000);
    for (uint64_t i = 0; i < 1000; i++) {
        cr_assert_eq(kn_ledger_spend(ledger, i % 7, i, 0, 1), 0);
    }
    cr_assert_eq(kn_ledger_spend(ledger, 0, 1000, 0, 1), -ENOMEM);
    cr_assert_eq(kn_ledger_spend(ledger, 3, 3, 1, 2), 0); /* one that it knows */
    for (uint64_t i = 0; i < 1000; i++) {
        cr_assert(!kn_ledger_is_fresh(ledger, i % 7, i, 0));
    }
    koken_ledger_free(ledger);
}

/* ---- threads ---- */

enum { THREADS = 3, SERIALS = 2000 };

static struct koken_ledger *shared;
static kn_atomic(uint32_t) won;

static void spend_all(void *arg)
{
    uint32_t mine = 0;
    (void)arg;
    for (uint64_t i = 0; i < SERIALS; i++) {
        mine += kn_ledger_spend(shared, 9, i, 0, KN_HOP_END) == 0;
    }
    (void)kn_add(&won, mine, relaxed); /* read after the joins */
}

Test(ledger, of_many_threads_one_spends)
{
    struct kn_thread threads[THREADS] = {0};
    shared = ledger_of(0);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "spender", spend_all, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(kn_load(&won, relaxed), SERIALS);
    koken_ledger_free(shared);
}
