/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler runs: anything with a step function. It knows nothing of agents. */
#ifndef KN_SCHED_RUNNABLE_H
#define KN_SCHED_RUNNABLE_H

struct kn_worker;

enum kn_ran {
    KN_RAN_DONE,  /* idle, parked or dead: the scheduler forgets it and must not touch it again */
    KN_RAN_AGAIN, /* still runnable, budget spent: goes to the tail */
};

enum kn_prio { KN_PRIO_LOW, KN_PRIO_NORMAL, KN_PRIO_HIGH, KN_PRIO_CRITICAL, KN_PRIO_COUNT_ };

struct kn_runnable {
    struct kn_runnable
        *next; /* link in the global queue; the scheduler's while the runnable is queued */
    enum kn_ran (*step)(struct kn_worker *worker, struct kn_runnable *self);
};

#endif
