/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/bell.h"

#include "actors/fiber_agent.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "base/platform/switch.h"
#include "sched/delay.h"

#include <errno.h>

static KN_TLS unsigned callbacks; /* under way on this thread */
KN_TLS_SIMULATED(callbacks);

/* Not inlined: a fiber may come from one thread to another between two calls. */
static KN_NOINLINE unsigned count_callbacks(unsigned more)
{
    return callbacks += more;
}

void kn_callback_begin(void)
{
    (void)count_callbacks(1);
}

void kn_callback_end(void)
{
    KN_ASSERT(count_callbacks(0) > 0);
    (void)count_callbacks(UINT32_MAX);
}

int kn_bell_init(struct kn_bell *bell, bool (*leave)(struct kn_bell *self))
{
    struct kn_local *local = kn_local_here();
    KN_ASSERT(leave != NULL);
    kn_atomic_init(&bell->rung, 0);
    bell->who = 0;
    bell->leave = leave;
    bell->on = NULL;
    if (count_callbacks(0) > 0) {
        return -ENOTSUP;
    }
    if (local && local->running) {
        struct kn_fiber_agent *f = kn_fiber_of(local->running);
        if (!f) {
            return -ENOTSUP;
        }
        bell->who = kn_agent_id(f->agent);
    }
    return 0;
}

void kn_bell_ring(struct kn_bell *bell)
{
    uint64_t who = bell->who;
    KN_ASSERT(!kn_load(&bell->rung, relaxed)); /* once */
    if (!who) {
        /* [AE1] release: what the ringer did before. */
        kn_store(&bell->rung, 1, release);
        kn_futex_wake(&bell->rung, 1);
        return;
    }
    struct kn_local *local = kn_local_here();
    if (!local) {
        kn_rcu_visit();
    }
    struct kn_agent *a = kn_resolve(who); /* before the store: after it the fiber may end */
    kn_store(&bell->rung, 1, release);    /* [AE1] release, as above */
    if (a) {
        kn_agent_nudge(local, a);
    }
    if (!local) {
        kn_rcu_depart();
    }
}

static bool is_rung(struct kn_bell *bell)
{
    return kn_load(&bell->rung, acquire) != 0; /* [AE1] acquire: what the ringer did */
}

static int wait_thread(struct kn_bell *bell, uint64_t deadline_ns)
{
    while (!is_rung(bell)) { /* ends: rung, or the deadline */
        if (kn_futex_wait(&bell->rung, 0, deadline_ns) == -ETIMEDOUT) {
            if (bell->leave(bell)) {
                return -ETIMEDOUT;
            }
            deadline_ns = KN_NEVER;
        }
    }
    return 0;
}

/* Its ringer is about to ring: nothing else counts. */
static void wait_out(struct kn_fiber_agent *f, struct kn_bell *bell)
{
    while (!is_rung(bell)) { /* ends: its ringer has taken it down already */
        (void)kn_fiber_collect(f);
        if (!is_rung(bell)) {
            kn_fiber_suspend();
        }
    }
}

KN_UNPAIRED static int wait_fiber(struct kn_fiber_agent *f, struct kn_bell *bell,
                                  uint64_t timeout_ns)
{
    int rc = 0;
    if (!is_rung(bell)) {
        bool has_begun = kn_fiber_wait_begin(f, timeout_ns) != 0;
        rc = has_begun ? 0 : -ENOMEM;
        f->bell = bell;
        f->waits = (struct kn_fiber_wait_note){.what = "a future", .on = bell->on};
        while (rc == 0 && !is_rung(bell)) { /* ends: rung, late, or cancelled */
            rc = kn_fiber_wait(f);
        }
        if (!is_rung(bell) && !bell->leave(bell)) {
            wait_out(f, bell);
        }
        rc = is_rung(bell) ? 0 : rc;
        f->bell = NULL;
        if (has_begun) {
            kn_fiber_wait_end(f);
        }
    }
    return rc;
}

KN_UNPAIRED int kn_bell_wait(struct kn_bell *bell, uint64_t timeout_ns)
{
    struct kn_local *local = kn_local_here();
    if (is_rung(bell)) {
        return 0;
    }
    if (timeout_ns == 0 && bell->leave(bell)) {
        return -ETIMEDOUT;
    }
    if (bell->who) {
        KN_ASSERT(local->running->id == bell->who);
        return wait_fiber(kn_fiber_of(local->running), bell, timeout_ns);
    }
    uint64_t deadline_ns = timeout_ns ? kn_delay_deadline(timeout_ns) : KN_NEVER;
    if (!local) {
        return wait_thread(bell, deadline_ns);
    }
    struct kn_sched *sched = local->rt->sched; /* an errand: others go on meanwhile */
    kn_blocking_enter(local->worker);
    int rc = wait_thread(bell, deadline_ns);
    (void)kn_blocking_leave(sched);
    return rc;
}

void kn_bell_abandon(struct kn_bell *bell)
{
    if (!bell->leave(bell)) {
        while (!is_rung(bell)) { /* ends: its ringer has taken it down already */
            kn_thread_yield();
        }
    }
}
