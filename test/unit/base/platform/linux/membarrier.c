/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the asymmetric fence: store, look at the other's store, and never both see nothing. */
#include "base/platform/membarrier.h"

#include "base/atomic.h"
#include "base/world.h"

#include <criterion/criterion.h>

Test(membarrier, may_be_registered_again)
{
    bool first = kn_membarrier_register();
    cr_assert_eq(kn_membarrier_register(), first);
}

#ifdef KN_TSAN
enum {
    ROUNDS = 10000,
    SPINS = 2000
}; /* its calls around each access leave no such moment to meet in */
#else
enum { ROUNDS = 100000, SPINS = 2000 };
#endif

/* One round after the other: `round` hands it to the light side, `answered` back. */
static kn_atomic(uint32_t) light, heavy, round_begun, answered;
static uint32_t light_saw;

/* Until *word is value: spinning at first, so that the two stores meet within some ns. */
static void wait_for(kn_atomic(uint32_t) *word, uint32_t value)
{
    for (int i = 0; kn_load(word, acquire) != value; ++i) { /* ended by the other side */
        if (i % SPINS == SPINS - 1) {
            kn_thread_yield();
        }
    }
}

static void run_light(void *arg)
{
    (void)arg;
    for (uint32_t i = 1; i <= ROUNDS; ++i) {
        wait_for(&round_begun, i);
        kn_store(&light, 1, relaxed);
        kn_fence_light();
        light_saw = kn_load(&heavy, relaxed);
        kn_store(&answered, i, release);
    }
}

Test(membarrier, orders_both_sides)
{
    if (!kn_membarrier_register()) {
        return;
    }
    struct kn_thread thread = {0};
    cr_assert_eq(kn_thread_start(&thread, "light", run_light, NULL), 0);
    uint32_t state = 1;
    for (uint32_t i = 1; i <= ROUNDS; ++i) {
        kn_store(&light, 0, relaxed);
        kn_store(&heavy, 0, relaxed);
        kn_store(&round_begun, i, release);
        state = state * 1664525u + 1013904223u;
        for (uint32_t spin = state >> 22; spin > 0; --spin) { /* another moment each time */
            (void)kn_load(&answered, relaxed);
        }
        kn_store(&heavy, 1, relaxed);
        kn_membarrier();
        uint32_t heavy_saw = kn_load(&light, relaxed);
        wait_for(&answered, i);
        cr_assert(heavy_saw == 1 || light_saw == 1, "round %u", i);
    }
    kn_thread_join(&thread);
}
