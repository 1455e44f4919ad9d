/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [BC2]: a reader whose line is overwritten notices. All lines are pieces of ns = 3 ticks, so a
 * whole line gives exactly that and a mixture of two does not. Weakened to relaxed at either end,
 * the mixture is read: seen by an exhaustive search under RC11, and on weakly ordered processors.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/world.h"

enum { LINES = 200000, SPAN = 40000 };

static struct kn_clock watched;
static kn_atomic(uint64_t) begun; /* ticks at which the newest line begins */

static void look(void *arg)
{
    (void)arg;
    uint64_t ticks, now;
    do {
        ticks = kn_load(&begun, relaxed); /* relaxed: the clock itself must order what it needs */
        if (kn_clock_read(&watched, ticks, &now)) {
            KOKEN_CHECK(now % 3 == 0);
            KOKEN_CHECK(now >= 3 * ticks); /* or the beginning of a newer line */
            KOKEN_CHECK((now - 3 * ticks) % (3 * (uint64_t)SPAN) == 0);
        }
    } while (ticks < (uint64_t)LINES * SPAN);
}

int main(void)
{
    struct kn_thread reader = {0};
    if (kn_thread_start(&reader, "reader", look, NULL) != 0) {
        return 1;
    }
    for (uint64_t i = 1; i <= LINES; ++i) {
        uint64_t ticks = i * SPAN;
        kn_clock_begin(&watched, (struct kn_clock_sample){ticks - SPAN, 3 * (ticks - SPAN)},
                       (struct kn_clock_sample){ticks, 3 * ticks});
        kn_store(&begun, ticks, relaxed); /* relaxed: as above */
    }
    kn_thread_join(&reader);
    return 0;
}
