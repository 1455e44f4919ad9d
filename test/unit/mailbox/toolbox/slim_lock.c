/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the lock of the toolbox excludes, that nobody sleeps beside it, with and without membarrier. */
#include "mailbox/toolbox/slim_lock.h"

#include "base/world.h"

#include <criterion/criterion.h>

#ifdef KN_TSAN
enum { THREADS = 4, EACH = 5000 };
#else
enum { THREADS = 4, EACH = 50000 };
#endif

static struct kn_slim_lock lock;
static uint64_t sum; /* plain: the lock's */

static void work(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        kn_slim_take(&lock);
        sum++;
        if (i % 1000 == 0) {
            kn_thread_yield(); /* the others come to wait */
        }
        kn_slim_give(&lock);
    }
}

static void run(bool is_biased)
{
    struct kn_thread threads[THREADS] = {0};
    kn_slim_init(&lock);
    lock.is_biased = lock.is_biased && is_biased;
    sum = 0;
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "lock", work, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(sum, THREADS * EACH);
    cr_assert_eq(kn_load(&lock.word, relaxed), 0);
    cr_assert_eq(kn_load(&lock.waiting, relaxed), 0);
}

Test(slim_lock, excludes)
{
    run(true);
}

Test(slim_lock, excludes_without_membarrier)
{
    run(false);
}

Test(slim_lock, try_refuses_what_is_taken)
{
    struct kn_slim_lock own;
    kn_slim_init(&own);
    cr_assert(kn_slim_try(&own));
    cr_assert_not(kn_slim_try(&own));
    kn_slim_give(&own);
    cr_assert(kn_slim_try(&own));
    kn_slim_give(&own);
}
