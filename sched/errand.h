/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An errand: something to be done once on a worker, that is no agent. Unlike a bare runnable it is told when
 * the scheduler ends without having come to it, so whoever waits for it hears of that, and nothing leaks.
 *
 *      posted --a worker takes it--> fn(self, worker)
 *             \--left over at the end--> fn(self, NULL)
 */
#ifndef KN_SCHED_ERRAND_H
#define KN_SCHED_ERRAND_H

#include "sched/sched.h"

struct kn_errand {
    struct kn_runnable run;
    /* Called once per post, and may free the errand or post it again. worker NULL: it will not be run. */
    void (*fn)(struct kn_errand *self, struct kn_worker *worker);
};

void kn_errand_init(struct kn_errand *errand,
                    void (*fn)(struct kn_errand *self, struct kn_worker *worker));

/* Has it run, by whichever worker is free; wakes one. Thread: any. Order: what precedes happens-before fn. */
void kn_errand_post(struct kn_sched *sched, struct kn_errand *keep_errand, enum kn_prio prio);

/* What has been left over: if it is an errand, it is told so. Thread: who stops the scheduler. */
void kn_errand_leftover(struct kn_runnable *run);

#endif
