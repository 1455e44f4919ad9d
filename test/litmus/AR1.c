/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AR1]: the reclaimer that has heard the bell finds what it was rung for. Deferred objects are waited for
 * one by one: if the bell were not ordered with the list, the reclaimer would sleep on one, and this program
 * for ever.
 */
#include "actors/kn_rcu.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

enum { ROUNDS = 3000 };

static kn_atomic(uint32_t) called;

static void call(struct kn_rcu_head *head)
{
    (void)head;
    (void)kn_add(&called, 1, relaxed);
}

int main(void)
{
    static struct kn_rcu_head heads[ROUNDS];
    struct kn_reclaimer reclaimer;
    if (kn_world_init() != 0 || kn_reclaimer_start(&reclaimer) != 0) {
        return 1;
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        kn_rcu_defer(&reclaimer, &heads[i], call);
        while (i % 3 == 0 && kn_load(&called, relaxed) <= i) { /* ends: it has been called back */
            kn_thread_yield();
        }
    }
    kn_reclaimer_stop(&reclaimer);
    KOKEN_CHECK(kn_load(&called, relaxed) == ROUNDS);
    return 0;
}
