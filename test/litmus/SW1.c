/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SW1]: sysmon, going to sleep for good, and a worker that is woken do not miss each other.
 * Weakened, nobody sees that the step does not end, and what waits behind it waits as long.
 */
#include "sched/sched.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 30 };

static struct kn_runnable other;
static kn_atomic(uint32_t) has_run;

static enum kn_ran step_other(struct kn_worker *worker, struct kn_runnable *runnable)
{
    (void)worker;
    (void)runnable;
    kn_store(&has_run, 1, release);
    return KN_RAN_DONE;
}

/* Ends when another worker has run who waits in the slot of this one. */
static enum kn_ran step_long(struct kn_worker *worker, struct kn_runnable *runnable)
{
    uint64_t end = kn_now() + UINT64_C(20000000000);

    (void)runnable;
    kn_ready(worker, &other, KN_PRIO_NORMAL);
    while (kn_load(&has_run, acquire) == 0) {
        KOKEN_CHECK(kn_now() < end);
    }
    return KN_RAN_DONE;
}

int main(void)
{
    struct kn_sched_config config = {.workers = 2, .is_exact = true, .spin_ns = KN_NO_SPIN};
    struct kn_runnable runnable = {.step = step_long};
    kn_atomic(uint32_t) never = 0;
    struct kn_sched *sched;

    other.step = step_other;
    if (kn_sched_start(&config, &sched) != 0) {
        return 1;
    }
    for (uint64_t i = 0; i < ROUNDS; i++) {
        kn_store(&has_run, 0, relaxed);
        kn_ready_foreign(sched, &runnable, KN_PRIO_NORMAL);
        KOKEN_CHECK(kn_sched_quiet(sched, KN_NEVER));
        /* sysmon goes to sleep after 0.5 to 10 ms of quiet. */
        (void)kn_futex_wait(&never, 0, kn_now() + i * 300000);
    }
    KOKEN_CHECK(kn_sched_stop(sched, KN_NEVER) == 0);
    kn_sched_free(sched);
    return 0;
}
