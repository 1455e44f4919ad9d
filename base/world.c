/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the seam that are more than a call of the platform. */
#include "base/world.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/platform/platform.h"

#include <errno.h>
#include <koken/time.h>

enum {
    WORLD_RAW = 0,
    WORLD_BEGINNING = 1, /* somebody is calibrating */
    WORLD_READY = 2,
};

static kn_atomic(uint32_t) world_state; /* (a) */

int kn_world_init(void)
{
    if (kn_platform_clock() == 0) {
        return -ENOTSUP;
    }
    uint32_t state = WORLD_RAW;
    /* [BW1] acquire: who finds it ready sees the clock. Pairs with the release below. */
    if (kn_cas_strong(&world_state, &state, WORLD_BEGINNING, acquire, acquire)) {
        kn_clock_calibrate();
        kn_store(&world_state, WORLD_READY, release); /* [BW1] publishes the calibrated clock. */
        kn_platform_futex_wake(&world_state, UINT32_MAX);
        return 0;
    }
    while (state == WORLD_BEGINNING) { /* ended by whoever is calibrating, in 200 us */
        (void)kn_platform_futex_wait(&world_state, WORLD_BEGINNING, KN_NEVER);
        state = kn_load(&world_state, acquire); /* [BW1] */
    }
    return 0;
}

uint64_t koken_now(void)
{
    return kn_now();
}

uint64_t kn_random_seed(uint64_t seed)
{
    uint64_t state = kn_random(&seed);
    return state != 0 ? state : 1;
}

/*
 * The kernel's clock and ours differ by up to 50 us, and a promise about time refers to ours. So
 * the deadline is carried over as what is left of it, and the kernel's word that it has passed is
 * checked: at most once or twice, because what is left then is what the two clocks differ by.
 */
int kn_real_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns)
{
    if (deadline_ns == KN_NEVER) {
        return kn_platform_futex_wait(word, expected, KN_NEVER);
    }
    for (;;) { /* ended by our clock */
        /* Relaxed: only to prefer "changed" to "timed out"; the caller looks again. */
        if (kn_load(word, relaxed) != expected) {
            return 0;
        }
        uint64_t now = kn_clock_now();
        if (now >= deadline_ns) {
            return -ETIMEDOUT;
        }
        uint64_t left = deadline_ns - now;
        uint64_t system_now = kn_platform_clock();
        uint64_t deadline = left < KN_NEVER - system_now ? system_now + left : KN_NEVER;
        if (kn_platform_futex_wait(word, expected, deadline) != -ETIMEDOUT) {
            return 0;
        }
    }
}

#ifndef KN_SIM
const char *kn_clock_name(void)
{
    return kn_clock_uses_ticks() ? "tsc" : "clock_gettime";
}
#endif
