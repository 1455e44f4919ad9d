/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/errand.h"

#include "base/edges.h"

static enum kn_ran step(struct kn_worker *worker, struct kn_runnable *run)
{
    struct kn_errand *errand = kn_container_of(run, struct kn_errand, run);

    KN_ASSERT(errand->fn != NULL);
    errand->fn(errand, worker);
    return KN_RAN_DONE;
}

void kn_errand_init(struct kn_errand *errand,
                    void (*fn)(struct kn_errand *self, struct kn_worker *worker))
{
    KN_ASSERT(fn != NULL);
    errand->run.next = NULL;
    errand->run.step = step;
    errand->fn = fn;
}

void kn_errand_post(struct kn_sched *sched, struct kn_errand *keep_errand, enum kn_prio prio)
{
    KN_ASSERT(keep_errand->run.step == step);
    kn_hand_over(&keep_errand->run);
    kn_ready_foreign(sched, &keep_errand->run, prio);
}

void kn_errand_leftover(struct kn_runnable *run)
{
    if (run->step == step) {
        struct kn_errand *errand = kn_container_of(run, struct kn_errand, run);

        errand->fn(errand, NULL);
    }
}
