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

#ifndef KN_SIM
const char *kn_clock_name(void)
{
    return kn_clock_uses_ticks() ? "tsc" : "clock_gettime";
}
#endif
