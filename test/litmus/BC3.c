/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [BC3]: who takes `busy` sees what the last holder left in the plain fields of the clock, and the
 * line it laid. Several threads lay the lines of the process's clock in turn. Weakened to relaxed
 * at either end, a holder can take the old line for the current one and race with its predecessor
 * on the plain fields: seen by an exhaustive search under RC11.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/world.h"

enum { THREADS = 3, NS = 20 * 1000 * 1000 };

static void look(void *arg)
{
    (void)arg;
    uint64_t last = kn_clock_now();
    uint64_t end = last + NS;
    while (last < end) { /* ends by time */
        uint64_t now = kn_clock_now();
        KOKEN_CHECK(now >= last);
        last = now;
    }
}

int main(void)
{
    struct kn_thread threads[THREADS] = {{0}};
    if (kn_world_init() != 0) {
        return 1;
    }
    for (int i = 0; i < THREADS; ++i) {
        if (kn_thread_start(&threads[i], "reader", look, NULL) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < THREADS; ++i) {
        kn_thread_join(&threads[i]);
    }
    return 0;
}
