/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SQ2]: who waits for quiet and the last worker to rest do not miss each other. Weakened, a
 * waiter sleeps until its deadline though all is quiet.
 */
#include "sched/sched.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 3000 };

static enum kn_ran step(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)runnable;
    return KN_RAN_DONE;
}

int main(void)
{
    struct kn_sched_config config = {
        .workers = 1, .is_exact = true, .no_sysmon = true, .spin_ns = KN_NO_SPIN};
    struct kn_runnable runnable = {.step = step};
    struct kn_sched *sched;

    if (kn_sched_start(&config, &sched) != 0) {
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t begin = kn_now();

        kn_ready_foreign(sched, &runnable, KN_PRIO_NORMAL);
        KOKEN_CHECK(kn_sched_quiet(sched, begin + UINT64_C(30000000000)));
        KOKEN_CHECK(kn_now() - begin < UINT64_C(20000000000));
    }
    KOKEN_CHECK(kn_sched_stop(sched, KN_NEVER) == 0);
    kn_sched_free(sched);
    return 0;
}
