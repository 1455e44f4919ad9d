/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SN1]: a kick is not missed by a worker that goes to rest. Weakened (a plain store of the
 * nudge), a sleeping worker does not look, and a round never ends.
 */
#include "sched/sched.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 5000 };

static kn_atomic(uint32_t) looks;

static void on_quiescent(struct kn_worker *worker, void *arg)
{
    (void)worker;
    (void)arg;
    (void)kn_add(&looks, 1, release);
}

int main(void)
{
    struct kn_sched_config config = {.workers = 1,
                                     .is_exact = true,
                                     .spin_ns = KN_NO_SPIN,
                                     .hooks = {.quiescent = on_quiescent}};
    struct kn_sched *sched;

    if (kn_sched_start(&config, &sched) != 0) {
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t before = kn_load(&looks, acquire);
        uint64_t end = kn_now() + UINT64_C(20000000000);

        kn_worker_kick(kn_sched_worker(sched, 0));
        while (kn_load(&looks, acquire) == before) { /* ends: it looks, or the check fails */
            KOKEN_CHECK(kn_now() < end);
            kn_thread_yield();
        }
    }
    KOKEN_CHECK(kn_sched_stop(sched, KN_NEVER) == 0);
    kn_sched_free(sched);
    return 0;
}
