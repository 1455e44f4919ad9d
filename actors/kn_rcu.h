/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read-copy-update for the actors' floor, by liburcu's QSBR flavour: workers are readers at no
 * cost, they only say between turns that they hold no reference. The wrapper exists because liburcu
 * 0.13 is opaque to ThreadSanitizer: its file is built without the sanitizer and tells it the
 * happens-before edges.
 */
#ifndef KN_ACTORS_KN_RCU_H
#define KN_ACTORS_KN_RCU_H

#include "base/atomic.h"
#include "base/world.h"

#include <pthread.h>
#include <stdbool.h>

/* An object that waits for its grace period; part of the object. */
struct kn_rcu_head {
    struct kn_rcu_head *next;
    void (*fn)(struct kn_rcu_head *head);
};

/*
 * A reclaimer: the thread that waits for grace periods so that workers need not, and then calls
 * back what was deferred. It sleeps while there is nothing. liburcu's own call_rcu thread is not
 * used: it aborts the process when it cannot be started, and lets 10 ms pass between two rounds.
 */
struct kn_reclaimer {
    struct kn_thread thread;
    pthread_mutex_t lock;            /* rank 50 */
    struct kn_rcu_head *deferred;    /* (m) newest first */
    kn_atomic(uint32_t) bell;        /* (a) changes when there is something, or it is to stop */
    kn_atomic(uint32_t) asked;       /* (a) grace periods asked for; wraps */
    kn_atomic(uint32_t) granted;     /* (a) so many of them are over; wraps; a futex */
    kn_atomic(uint32_t) is_stopping; /* (a) */
};

/* Errors: -EAGAIN no thread can be had, -ENOMEM. */
int kn_reclaimer_start(struct kn_reclaimer *reclaimer);

/* Calls back all that was deferred, after their grace periods, and ends the thread. Not from a
 * reader. */
void kn_reclaimer_stop(struct kn_reclaimer *reclaimer);

/* Has fn(head) called after a grace period, on the reclaimer's thread. Thread: any. */
void kn_rcu_defer(struct kn_reclaimer *reclaimer, struct kn_rcu_head *head,
                  void (*fn)(struct kn_rcu_head *head));

/*
 * Waits for a grace period, by the reclaimer's thread, until deadline_ns. False: out of time; nothing is left of
 * the question. Not from a reader that is online.
 */
bool kn_rcu_grace(struct kn_reclaimer *reclaimer, uint64_t deadline_ns);

/* The calling thread becomes a reader, online; and stops being one. */
void kn_rcu_enter(void);
void kn_rcu_leave(void);

/* Frame a time in which the reader holds no reference. */
void kn_rcu_offline(void);
void kn_rcu_online(void);

/* The calling reader holds no reference now. Cost: a load and a compare, a store when somebody
 * waits. */
void kn_rcu_quiescent(void);

/*
 * Whether the calling reader, which holds no reference now, is the only one online in the process: then the
 * grace period of all that it has done is over. Cost: a locked operation.
 */
bool kn_rcu_is_only_reader(void);

/*
 * Threads outside: kn_rcu_visit makes the calling thread an online reader until kn_rcu_depart,
 * registering it at its first visit; its end unregisters it. Visits nest. A thread of a runtime
 * visits another one only while it is offline itself.
 */
void kn_rcu_visit(void);
void kn_rcu_depart(void);

/* Waits for a grace period. Thread: any but an online reader. */
void kn_rcu_synchronize(void);

#endif
