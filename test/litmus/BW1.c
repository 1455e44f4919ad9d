/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [BW1]: who finds the world ready sees the calibrated clock. All threads come at once; whoever
 * returns from kn_world_init() finds the same clock in use and lays its next line. Weakened at
 * either end, one may still look at the system's clock, on weakly ordered processors.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/world.h"

#include <stddef.h>

enum { THREADS = 4 };

static kn_atomic(uint32_t) gate;
static bool uses_ticks[THREADS];

static void init(void *arg)
{
    while (kn_load(&gate, relaxed) ==
           0) { /* relaxed: it must bring nothing with it; main opens it */
        kn_pause();
    }
    KOKEN_CHECK(kn_world_init() == 0);
    *(bool *)arg = kn_clock_uses_ticks();
    uint64_t end = kn_clock_now() + KN_CLOCK_LINE_MIN_NS;
    while (kn_clock_now() < end) { /* ends by time */
        kn_pause();
    }
}

int main(void)
{
    struct kn_thread threads[THREADS] = {{0}};
    for (int i = 0; i < THREADS; ++i) {
        if (kn_thread_start(&threads[i], "init", init, &uses_ticks[i]) != 0) {
            return 1;
        }
    }
    kn_store(&gate, 1, relaxed);
    for (int i = 0; i < THREADS; ++i) {
        kn_thread_join(&threads[i]);
        KOKEN_CHECK(uses_ticks[i] == kn_clock_uses_ticks());
    }
    return 0;
}
