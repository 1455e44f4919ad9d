/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants to know when nothing is left of a set of tasks: a promise in a list under the set's lock. */
#ifndef KN_ORCHESTRATION_ENDER_H
#define KN_ORCHESTRATION_ENDER_H

#include "base/alloc.h"
#include "base/list.h"
#include "orchestration/either.h"
#include "sched/lock.h"

#include <koken/future.h>

#include <errno.h>

struct kn_ender {
    struct kn_list link; /* (m) the set's lock */
    koken_promise promise;
};

/* One that is in no list yet, and its future. Errors: -ENOMEM. */
static inline int kn_ender_new(struct kn_ender **ret_ender, struct koken_future **ret_future)
{
    struct kn_ender *ender = kn_alloc(sizeof *ender, _Alignof(struct kn_ender), -1);
    if (!ender) {
        return -ENOMEM;
    }
    int rc = koken_promise_new(0, &ender->promise, ret_future);
    if (rc < 0) {
        kn_free(ender, sizeof *ender, _Alignof(struct kn_ender));
        return rc;
    }
    *ret_ender = ender;
    return 0;
}

/* Tells the first one. Called and left with the lock held, but not held meanwhile: look again what is left. */
static inline void kn_ender_tell(struct kn_list *enders, struct kn_lock *lock)
{
    struct kn_ender *ender = kn_container_of(enders->next, struct kn_ender, link);
    kn_list_remove(&ender->link);
    kn_unlock(lock);
    kn_either_way(koken_promise_done(&ender->promise)); /* nobody else has it */
    kn_free(ender, sizeof *ender, _Alignof(struct kn_ender));
    kn_lock(lock);
}

#endif
