/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the port's futex: deadlines on the port's clock, exactly as many woken as asked for. */
#include "base/platform/platform.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(futex, times_out_at_the_deadline_and_not_before)
{
    kn_atomic(uint32_t) word = 3;
    cr_assert_eq(kn_platform_futex_wait(&word, 3, 0), -ETIMEDOUT);
    uint64_t deadline = kn_platform_clock() + 3000000;
    int rc;
    while ((rc = kn_platform_futex_wait(&word, 3, deadline)) == 0) {}
    cr_assert_eq(rc, -ETIMEDOUT);
    cr_assert(kn_platform_clock() >= deadline);
}

Test(futex, does_not_wait_for_what_has_changed)
{
    kn_atomic(uint32_t) word = 4;
    cr_assert_eq(kn_platform_futex_wait(&word, 3, UINT64_MAX), 0);
}

enum { SLEEPERS = 3 };

/* Tickets: each sleeper takes one away; the tester gives one and wakes one. */
struct tickets {
    kn_atomic(uint32_t) word;
    kn_atomic(uint32_t) taken;
};

static void take_ticket(void *arg)
{
    struct tickets *t = arg;
    for (;;) { /* ended by a ticket */
        uint32_t left = kn_load(&t->word, acquire);
        if (left == 0) {
            (void)kn_platform_futex_wait(&t->word, 0, UINT64_MAX);
        } else if (kn_cas_strong(&t->word, &left, left - 1, acq_rel, relaxed)) {
            (void)kn_add(&t->taken, 1, relaxed);
            return;
        }
    }
}

Test(futex, wakes_each_sleeper_in_the_end)
{
    for (int round = 0; round < 100; ++round) {
        struct tickets t = {0};
        struct kn_thread threads[SLEEPERS] = {{0}};
        for (int i = 0; i < SLEEPERS; ++i) {
            cr_assert_eq(kn_thread_start(&threads[i], "sleeper", take_ticket, &t), 0);
        }
        for (int i = 0; i < SLEEPERS; ++i) {
            (void)kn_add(&t.word, 1, acq_rel);
            kn_platform_futex_wake(&t.word, 1);
        }
        for (int i = 0; i < SLEEPERS; ++i) {
            kn_thread_join(&threads[i]);
        }
        cr_assert_eq(kn_load(&t.taken, relaxed), SLEEPERS);
        cr_assert_eq(kn_load(&t.word, relaxed), 0);
    }
}

/* Waking a word that is gone is what a fast sleeper makes of a correct program. */
Test(futex, may_wake_a_word_that_no_longer_exists)
{
    char *page = kn_platform_map(kn_platform_page_size(), -1);
    cr_assert_not_null(page);
    kn_atomic(uint32_t) *word = (void *)page;
    kn_platform_unmap(page, kn_platform_page_size());
    kn_platform_futex_wake(word, 1);
}
