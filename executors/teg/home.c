/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, cancellations and results of the cache may come from threads outside after the runtime has ended. The gate
 * keeps the scheduler for whoever has entered, and tells the others that there is none.
 */
#include "executors/teg/home.h"

#include "base/alloc.h"
#include "base/world.h"

#include <errno.h>

#define CLOSED (UINT32_C(1) << 31)

/* No thread of the runtime is left. */
static void end(struct kn_ending *ending, struct koken *rt)
{
    struct kn_teg_home *home = kn_container_of(ending, struct kn_teg_home, ending);
    (void)rt;
    kn_teg_home_ref(home); /* not the last one to go is the executor */
    if (home->cut) {
        home->cut(home->arg);
    }
    /* [TG11] seq_cst: who enters after that sees it; acquire: what those have done that were inside. */
    (void)kn_or(&home->gate, CLOSED, seq_cst);
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
    if (!(kn_load(&home->gate, acquire) & CLOSED)) { /* [TG11] */
        kn_ending_leave(home->rt, &home->ending);
    }
    kn_free(home, sizeof *home, KN_CACHE_LINE);
}

bool kn_teg_home_ready(struct kn_teg_home *home, struct kn_runnable *runnable, enum kn_prio prio)
{
    bool is_open = !(kn_add(&home->gate, 1, seq_cst) & CLOSED); /* [TG11] */
    if (is_open) {
        kn_ready_foreign(home->sched, runnable, prio);
    }
    (void)kn_sub(&home->gate, 1, release); /* [TG11] */
    return is_open;
}
