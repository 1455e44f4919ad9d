/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read-copy-update for the actors' floor, by liburcu's QSBR flavour: workers are readers at no cost, they
 * only say between turns that they hold no reference. The wrapper exists because liburcu 0.13 is opaque to
 * ThreadSanitizer: its file is built without the sanitizer and tells it the happens-before edges.
 */
#ifndef KN_ACTORS_KN_RCU_H
#define KN_ACTORS_KN_RCU_H

/* An object that waits for its grace period; part of the object. */
struct kn_rcu_head {
    void *words[2]; /* liburcu's */
    void (*fn)(struct kn_rcu_head *head);
};

/*
 * Starts the process's helper thread of deferred work unless it runs. Errors: -EAGAIN no thread can be had.
 * (liburcu itself would abort.) Each start has its kn_rcu_stop, which waits for all that was deferred.
 */
int kn_rcu_start(void);
void kn_rcu_stop(void);

/* The calling thread becomes a reader, online; and stops being one. */
void kn_rcu_enter(void);
void kn_rcu_leave(void);

/* Frame a time in which the reader holds no reference. */
void kn_rcu_offline(void);
void kn_rcu_online(void);

/* The calling reader holds no reference now. Cost: a load and a compare, a store when somebody waits. */
void kn_rcu_quiescent(void);

/*
 * Threads outside: kn_rcu_visit makes the calling thread an online reader until kn_rcu_depart, registering
 * it at its first visit; its end unregisters it. Not from a thread of the runtime.
 */
void kn_rcu_visit(void);
void kn_rcu_depart(void);

/* Calls fn(head) after a grace period, on the helper thread. Thread: an online reader. */
void kn_rcu_defer(struct kn_rcu_head *head, void (*fn)(struct kn_rcu_head *head));

/* Waits for a grace period. Thread: any but an online reader. */
void kn_rcu_synchronize(void);

#endif
