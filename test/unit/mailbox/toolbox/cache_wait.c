/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a wait that would close a circle of any length is refused, and no other. */
#include "mailbox/toolbox/cache.h"

#include <criterion/criterion.h>

enum { COUNT = 5 };

static struct kn_flight flights[COUNT]; /* that of thread i + 1 */

static struct kn_cache_wait wait_of(unsigned waiter, unsigned computer)
{
    return (struct kn_cache_wait){.thread = waiter + 1, .flight = &flights[computer]};
}

static void lay_out(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        flights[i] = (struct kn_flight){.thread = i + 1};
        kn_atomic_init(&flights[i].done, 0);
    }
}

Test(cache_wait, circles_are_refused)
{
    struct kn_cache_wait chain[COUNT - 1], more;
    lay_out();
    more = wait_of(2, 2);
    cr_assert_not(kn_cache_wait_begin(&more), "its own");
    for (unsigned i = 0; i + 1 < COUNT; i++) {
        chain[i] = wait_of(i, i + 1);
        cr_assert(kn_cache_wait_begin(&chain[i]));
    }
    for (unsigned i = 0; i + 1 < COUNT; i++) {
        more = wait_of(COUNT - 1, i);
        cr_assert_not(kn_cache_wait_begin(&more), "%u", i);
    }
    kn_cache_wait_end(&chain[1]);
    more = wait_of(COUNT - 1, 0);
    cr_assert(kn_cache_wait_begin(&more), "the chain is broken");
    kn_cache_wait_end(&more);
    kn_cache_wait_end(&chain[3]);
    kn_cache_wait_end(&chain[0]);
    kn_cache_wait_end(&chain[2]);
}

Test(cache_wait, what_has_landed_holds_nobody_up)
{
    struct kn_cache_wait first, second;
    lay_out();
    first = wait_of(0, 1);
    second = wait_of(1, 0);
    cr_assert(kn_cache_wait_begin(&first));
    kn_store(&flights[1].done, 1, release); /* thread 1 has not woken yet */
    cr_assert(kn_cache_wait_begin(&second));
    kn_cache_wait_end(&second);
    kn_cache_wait_end(&first);
}
