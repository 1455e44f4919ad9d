/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that the lock excludes and publishes, contended or not, and leaves nobody asleep. */
#include "sched/lock.h"

#include "base/world.h"

#include <criterion/criterion.h>

static struct kn_lock lock;
static uint64_t counter; /* plain: the lock must order it */

static void count(void *arg)
{
    for (unsigned i = 0; i < *(unsigned *)arg; i++) {
        kn_lock(&lock);
        counter++;
        if (i % 1000 == 0) {
            kn_thread_yield(); /* others go to sleep on it */
        }
        kn_unlock(&lock);
    }
}

Test(lock, excludes, .timeout = 60)
{
    struct kn_thread threads[4] = {{0}};
    unsigned rounds = 50000;

    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(kn_thread_start(&threads[i], "lock", count, &rounds), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        kn_thread_join(&threads[i]);
    }
    cr_assert_eq(counter, 4 * 50000);
    cr_assert_eq(kn_load(&lock.word, relaxed), 0);
}
