/* SPDX-License-Identifier: Apache-2.0 */
/* See kn_rcu.h. Built without -fsanitize=thread. */
#define _LGPL_SOURCE 1
#include "actors/kn_rcu.h"

#include "base/align.h"
#include "base/assert.h"
#include "base/world.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef KN_SIM
#include "actors/kn_rcu_sim.h"
#else
#include <urcu/urcu-qsbr.h>
#endif

#if defined(__SANITIZE_THREAD__) || defined(KN_TSAN)
#define KN_RCU_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KN_RCU_TSAN 1
#endif
#endif

/* The edge of a grace period, told to ThreadSanitizer: from every quiescent state to the callbacks.
 * Where it takes agents for threads, the library does not order them. */
#if defined(KN_RCU_TSAN) && !defined(KN_TSAN_AGENTS)
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
static char grace_edge;
#define KN_RCU_RELEASE() __tsan_release(&grace_edge)
#define KN_RCU_ACQUIRE() __tsan_acquire(&grace_edge)
#else
#define KN_RCU_RELEASE() ((void)0)
#define KN_RCU_ACQUIRE() ((void)0)
#endif

static pthread_once_t visitor_once = PTHREAD_ONCE_INIT;
static pthread_key_t visitor_key;
static int visitor_error; /* of the key's making */

static KN_TLS bool is_visitor; /* the calling thread was registered by kn_rcu_visit */
static KN_TLS bool is_member;  /* by kn_rcu_enter */
static KN_TLS unsigned visits; /* of a visitor, under way: what is dropped in one may send */
KN_TLS_SIMULATED(is_visitor);
KN_TLS_SIMULATED(is_member);
KN_TLS_SIMULATED(visits);

/*
 * Readers online in the process, beside liburcu's own books, which nobody can ask. [AR2] who comes
 * online (acquire) after a look that did not count it sees what the looker has done; the looker (acq_rel) sees what
 * those did who have gone (release).
 */
static struct {
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint32_t) count;
} online;
KN_GLOBAL_SIMULATED(online);

static void come(void)
{
    (void)kn_add(&online.count, 1, acquire); /* [AR2] acquire */
}

static void go(void)
{
    uint32_t before = kn_sub(&online.count, 1, release); /* [AR2] release */
    KN_ASSERT(before > 0);
    (void)before;
}

bool kn_rcu_is_only_reader(void)
{
    KN_ASSERT(is_member);
    bool is_only = kn_add(&online.count, 0, acq_rel) == 1; /* [AR2] */
    if (is_only) {
        KN_RCU_ACQUIRE();
    }
    return is_only;
}

static void forget_visitor(void *unused)
{
    (void)unused;
    if (is_visitor) {
        urcu_qsbr_unregister_thread();
        is_visitor = false;
    }
}

static void make_key(void)
{
    visitor_error = pthread_key_create(&visitor_key, forget_visitor);
}

/* Takes all that is deferred now, oldest first. */
static struct kn_rcu_head *take_deferred(struct kn_reclaimer *r)
{
    pthread_mutex_lock(&r->lock);
    struct kn_rcu_head *all = r->deferred;
    r->deferred = NULL;
    pthread_mutex_unlock(&r->lock);
    struct kn_rcu_head *first = NULL;
    while (all) {
        struct kn_rcu_head *next = all->next;
        all->next = first;
        first = all;
        all = next;
    }
    return first;
}

/* So many grace periods that have been asked for are over. */
static void grant(struct kn_reclaimer *r, uint32_t asked)
{
    if (asked != kn_load(&r->granted, relaxed)) { /* relaxed: our own */
        kn_store(&r->granted, asked, release);    /* [AR3] release: what the readers did */
        kn_futex_wake(&r->granted, UINT32_MAX);
    }
}

static void reclaim(void *arg)
{
    struct kn_reclaimer *r = arg;
    for (;;) {                                      /* ends: stopped, with nothing left */
        uint32_t bell = kn_load(&r->bell, acquire); /* [AR1] acquire: before the look at the list */
        struct kn_rcu_head *head = take_deferred(r);
        uint32_t asked = kn_load(&r->asked, acquire);         /* [AR3] acquire */
        if (head || asked != kn_load(&r->granted, relaxed)) { /* relaxed: our own */
            kn_rcu_synchronize();
            grant(r, asked);
        } else if (kn_load(&r->is_stopping, relaxed)) { /* relaxed: nothing is read for a stop */
            return;
        } else {
            (void)kn_futex_wait(&r->bell, bell, KN_NEVER);
        }
        while (head) {
            struct kn_rcu_head *next = head->next;
            head->fn(head);
            head = next;
        }
    }
}

static void ring(struct kn_reclaimer *r)
{
    (void)kn_add(&r->bell, 1, release); /* [AR1] release: the list, or the stop */
    kn_futex_wake(&r->bell, 1);
}

int kn_reclaimer_start(struct kn_reclaimer *r)
{
    pthread_once(&visitor_once, make_key);
    if (visitor_error) {
        return -EAGAIN;
    }
    *r = (struct kn_reclaimer){.deferred = NULL};
    pthread_mutex_init(&r->lock, NULL);
    int rc = kn_thread_start(&r->thread, "koken/reclaim", reclaim, r);
    if (rc < 0) {
        pthread_mutex_destroy(&r->lock);
    }
    return rc;
}

void kn_reclaimer_stop(struct kn_reclaimer *r)
{
    kn_store(&r->is_stopping, 1, relaxed); /* relaxed: the bell is rung behind it */
    ring(r);
    kn_thread_join(&r->thread);
    struct kn_rcu_head *head;
    while ((head = take_deferred(r)) !=
           NULL) { /* deferred by the last ones; ends: nobody else is left */
        kn_rcu_synchronize();
        while (head) {
            struct kn_rcu_head *next = head->next;
            head->fn(head);
            head = next;
        }
    }
    pthread_mutex_destroy(&r->lock);
}

void kn_rcu_defer(struct kn_reclaimer *r, struct kn_rcu_head *head,
                  void (*fn)(struct kn_rcu_head *head))
{
    KN_ASSERT(fn != NULL);
    head->fn = fn;
    KN_RCU_RELEASE();
    pthread_mutex_lock(&r->lock);
    bool is_first = r->deferred == NULL;
    head->next = r->deferred;
    r->deferred = head;
    pthread_mutex_unlock(&r->lock);
    if (is_first) {
        ring(r); /* otherwise it has been rung, and takes the whole list */
    }
}

bool kn_rcu_grace(struct kn_reclaimer *r, uint64_t deadline_ns)
{
    KN_ASSERT(visits == 0); /* it would wait for itself */
    /* [AR3] release: what the caller did comes before the grace period, which begins after a look at this. */
    uint32_t want = kn_add(&r->asked, 1, release) + 1;
    int rc = 0;
    ring(r);
    for (;;) {                                            /* ends: over, or the deadline */
        uint32_t granted = kn_load(&r->granted, acquire); /* [AR3] acquire */
        if ((int32_t)(granted - want) >= 0 || rc == -ETIMEDOUT) {
            return (int32_t)(granted - want) >= 0;
        }
        rc = kn_futex_wait(&r->granted, granted, deadline_ns);
    }
}

void kn_rcu_enter(void)
{
    KN_ASSERT(!is_visitor);
    KN_ASSERT(!is_member);
    is_member = true;
    come();
    urcu_qsbr_register_thread();
}

void kn_rcu_leave(void)
{
    KN_ASSERT(is_member);
    KN_RCU_RELEASE();
    urcu_qsbr_unregister_thread();
    go();
    is_member = false;
}

void kn_rcu_offline(void)
{
    KN_RCU_RELEASE();
    urcu_qsbr_thread_offline();
    go();
}

void kn_rcu_online(void)
{
    come();
    urcu_qsbr_thread_online();
}

void kn_rcu_quiescent(void)
{
    KN_ASSERT(visits == 0);
    KN_RCU_RELEASE();
    urcu_qsbr_quiescent_state();
}

void kn_rcu_visit(void)
{
    if (visits++ != 0) {
        return;
    }
    come();
    if (is_visitor || is_member) {
        urcu_qsbr_thread_online();
        return;
    }
    pthread_once(&visitor_once, make_key);
    urcu_qsbr_register_thread();
    /* Without the key nobody would unregister the thread at its end: kn_rcu_depart does it each time. */
    is_visitor = !kn_world_is_simulated() && visitor_error == 0 &&
                 pthread_setspecific(visitor_key, &is_visitor) == 0;
}

void kn_rcu_depart(void)
{
    KN_ASSERT(visits > 0);
    KN_RCU_RELEASE();
    if (--visits != 0) {
        return;
    }
    if (is_visitor || is_member) {
        urcu_qsbr_thread_offline();
    } else {
        urcu_qsbr_unregister_thread();
    }
    go();
}

void kn_rcu_synchronize(void)
{
    KN_ASSERT(visits == 0); /* it would wait for itself */
    urcu_qsbr_synchronize_rcu();
    KN_RCU_ACQUIRE();
}
