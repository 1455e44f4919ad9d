/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, cancellations and results of the cache may come from threads outside after the runtime has ended. The gate
 * keeps the scheduler for whoever has entered, and tells the others that there is none.
 */
#include "executors/teg/home.h"

#include "actors/kn_rcu.h"
#include "base/alloc.h"
#include "base/world.h"

#include <errno.h>

#define CLOSED (UINT32_C(1) << 31)

/* A share of a home that a thread outside may be giving the last one of back. */
static bool keep(struct kn_teg_home *home)
{
    uint32_t refs = kn_load(&home->refs, relaxed); /* relaxed, all: one more does nothing yet */
    while (refs > 0 && !kn_cas_weak(&home->refs, &refs, refs + 1, relaxed, relaxed)) {
        /* ends: each failure is somebody's success */
    }
    return refs > 0;
}

/* No thread of the runtime is left. */
static void end(struct kn_ending *ending, struct koken *rt)
{
    struct kn_teg_home *home = kn_container_of(ending, struct kn_teg_home, ending);
    (void)rt;
    bool is_kept = keep(home); /* not the last one to go is the executor */
    if (is_kept && home->cut) {
        home->cut(home->arg);
    }
    /* [TG11] release: who finds it closed sees that the runs are cut. Without a share that is the last look: who gave the
     * last one back frees the home when it sees this, or has waited for the end in kn_ending_leave(). */
    (void)kn_or(&home->gate, CLOSED, release);
    if (!is_kept) {
        return;
    }
    /* [TG11] acquire: what those have done that were inside. */
    while (kn_load(&home->gate, acquire) != CLOSED) { /* ends: they ready one thing and leave */
        kn_thread_yield();
    }
    kn_teg_home_unref(home);
}

int kn_teg_home_new(struct koken *rt, void (*cut)(void *arg), void *arg,
                    struct kn_teg_home **ret_home)
{
    struct kn_teg_home *home = kn_alloc(sizeof *home, KN_CACHE_LINE, -1);
    if (!home) {
        return -ENOMEM;
    }
    *home = (struct kn_teg_home){
        .ending.end = end, .rt = rt, .sched = rt->sched, .cut = cut, .arg = arg};
    kn_atomic_init(&home->refs, 1);
    kn_atomic_init(&home->gate, 0);
    if (!kn_ending_enter(rt, &home->ending)) {
        kn_free(home, sizeof *home, KN_CACHE_LINE);
        return -ESHUTDOWN;
    }
    *ret_home = home;
    return 0;
}

void kn_teg_home_ref(struct kn_teg_home *home)
{
    uint32_t before = kn_add(&home->refs, 1, relaxed); /* relaxed: the caller's own is held */
    KOKEN_CHECK(before > 0);
}

void kn_teg_home_unref(struct kn_teg_home *take_home)
{
    struct kn_teg_home *home = take_home;
    /* [TG11] release: all that this holder has done; acquire: what all of them have. */
    uint32_t before = kn_sub(&home->refs, 1, acq_rel);
    KOKEN_CHECK(before > 0);
    if (before > 1) {
        return;
    }
    KN_ASSERT(!home->cut);
    bool is_outside = !kn_worker_current();
    if (is_outside) { /* while the gate is open the runtime is there until a grace period has passed */
        kn_rcu_visit();
    }
    if (!(kn_load(&home->gate, acquire) & CLOSED)) { /* [TG11] acquire: the end has done with it */
        kn_ending_leave(home->rt, &home->ending);
    }
    if (is_outside) {
        kn_rcu_depart();
    }
    kn_free(home, sizeof *home, KN_CACHE_LINE);
}

bool kn_teg_home_ready(struct kn_teg_home *home, struct kn_runnable *runnable, enum kn_prio prio)
{
    /* [TG11] acquire: if it is closed, what the end has cut. */
    bool is_open = !(kn_add(&home->gate, 1, acquire) & CLOSED);
    if (is_open) {
        kn_ready_foreign(home->sched, runnable, prio);
    }
    (void)kn_sub(&home->gate, 1, release); /* [TG11] release: the scheduler has been used */
    return is_open;
}
