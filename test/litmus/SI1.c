/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SI1]: a runnable from outside and a worker that goes to rest do not miss each other. Weakened
 * (no look in kn_rest_is_over, or one before the worker is counted), a cycle never ends.
 */
#include "sched/sched.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 20000 };

static kn_atomic(uint32_t) runs;

static enum kn_ran step(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)runnable;
    (void)kn_add(&runs, 1, release);
    return KN_RAN_DONE;
}

int main(void)
{
    struct kn_sched_config config = {.workers = 1, .is_exact = true, .spin_ns = KN_NO_SPIN};
    struct kn_runnable runnable = {.step = step};
    struct kn_sched *sched;

    if (kn_sched_start(&config, &sched) != 0) {
        return 1;
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t end = kn_now() + UINT64_C(20000000000);

        kn_ready_foreign(sched, &runnable, KN_PRIO_NORMAL);
        while (kn_load(&runs, acquire) == i) { /* ends: it has run, or the check fails */
            KOKEN_CHECK(kn_now() < end);
        }
        for (uint32_t j = 0; j < i % 256; j++) { /* the worker goes to rest meanwhile */
            kn_pause();
        }
    }
    KOKEN_CHECK(kn_sched_stop(sched, KN_NEVER) == 0);
    kn_sched_free(sched);
    return 0;
}
