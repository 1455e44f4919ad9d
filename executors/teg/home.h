/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an executor and its runs share: the way to the scheduler for threads that are none of the runtime's, closed when
 * the runtime has ended, and with it the runs that were under way.
 *
 *      open --the runtime has ended--> closed
 *
 *      (c) const from the start   (a) atomic   (o) the executor's turns, and the end
 */
#ifndef KN_TEG_HOME_H
#define KN_TEG_HOME_H

#include "actors/agent.h"
#include "actors/pending.h"
#include "base/atomic.h"

struct kn_teg_home {
    struct kn_ending ending;
    struct koken *rt;         /* (c) */
    struct kn_sched *sched;   /* (c) its scheduler */
    kn_atomic(uint32_t) refs; /* (a) the executor, runs that have begun */
    kn_atomic(uint32_t) gate; /* (a) how many are inside, and whether it is closed */
    void (*cut)(void *arg);   /* (o) ends what is under way; NULL: the executor has gone */
    void *arg;                /* (o) */
};

/* Errors: -ENOMEM; -ESHUTDOWN. */
KOKEN_MUST_USE int kn_teg_home_new(struct koken *rt, void (*cut)(void *arg), void *arg,
                                   struct kn_teg_home **ret_home);
void kn_teg_home_ref(struct kn_teg_home *home);
void kn_teg_home_unref(struct kn_teg_home *take_home);

/* Readies something from any thread. False: the runtime has ended; then nothing else of it runs. */
KOKEN_MUST_USE bool kn_teg_home_ready(struct kn_teg_home *home, struct kn_runnable *runnable,
                                      enum kn_prio prio);

#endif
