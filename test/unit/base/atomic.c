/* SPDX-License-Identifier: Apache-2.0 */
/* Proves what each word of base/atomic.h does and gives back. */
#include "base/atomic.h"
#include "base/world.h"

#include <criterion/criterion.h>

Test(atomic, words_return_what_was_there_before)
{
    kn_atomic(uint32_t) x;
    kn_atomic_init(&x, 5);
    cr_assert_eq(kn_load(&x, relaxed), 5);
    kn_store(&x, 6, release);
    cr_assert_eq(kn_swap(&x, 8, acq_rel), 6);
    cr_assert_eq(kn_add(&x, 2, relaxed), 8);
    cr_assert_eq(kn_sub(&x, 1, relaxed), 10);
    cr_assert_eq(kn_or(&x, 6, relaxed), 9);
    cr_assert_eq(kn_and(&x, 3, relaxed), 15);
    cr_assert_eq(kn_load(&x, seq_cst), 3);
}

Test(atomic, a_failed_swap_tells_what_it_found)
{
    kn_atomic(uint64_t) x = 7;
    uint64_t expected = 6;
    cr_assert(!kn_cas_strong(&x, &expected, 9, acq_rel, acquire));
    cr_assert_eq(expected, 7);
    cr_assert(kn_cas_strong(&x, &expected, 9, acq_rel, acquire));
    cr_assert_eq(kn_load(&x, relaxed), 9);
    expected = 9;
    while (!kn_cas_weak(&x, &expected, 10, release, relaxed)) {
        cr_assert_eq(expected, 9);
    }
    cr_assert_eq(kn_load(&x, relaxed), 10);
}

enum { ADDS = 100000 };

static void add_many(void *arg)
{
    kn_atomic(uint32_t) *x = arg;
    for (int i = 0; i < ADDS; ++i) {
        (void)kn_add(x, 1, relaxed);
        kn_pause();
    }
}

Test(atomic, adds_of_two_threads_are_all_counted)
{
    kn_atomic(uint32_t) x = 0;
    struct kn_thread other = {0};
    cr_assert_eq(kn_thread_start(&other, "adder", add_many, &x), 0);
    add_many(&x);
    kn_thread_join(&other);
    cr_assert_eq(kn_load(&x, relaxed), 2 * ADDS);
}
