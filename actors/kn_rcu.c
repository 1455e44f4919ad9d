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
#include <urcu/urcu-qsbr.h>

#if defined(__SANITIZE_THREAD__) || defined(KN_TSAN)
#define KN_RCU_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KN_RCU_TSAN 1
#endif
#endif

/* The edge of a grace period, told to ThreadSanitizer: from every quiescent state to the callbacks. */
#ifdef KN_RCU_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
static char grace_edge;
#define KN_RCU_RELEASE() __tsan_release(&grace_edge)
#define KN_RCU_ACQUIRE() __tsan_acquire(&grace_edge)
#else
#define KN_RCU_RELEASE() ((void)0)
#define KN_RCU_ACQUIRE() ((void)0)
#endif

_Static_assert(sizeof(struct rcu_head) == sizeof(((struct kn_rcu_head *)0)->words),
               "liburcu's head fits into ours");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* rank 50: the helper's life */
static struct call_rcu_data *helper;                     /* (m) lock for changes */
static unsigned users;                                   /* (m) lock */
static pthread_key_t visitor_key;                        /* (m) lock while made */
static bool visitor_key_made;                            /* (m) lock */

static KN_TLS bool is_visitor; /* the calling thread was registered by kn_rcu_visit */

static void probe(void *arg)
{
    (void)arg;
}

static void forget_visitor(void *unused)
{
    (void)unused;
    if (is_visitor) {
        urcu_qsbr_unregister_thread();
        is_visitor = false;
    }
}

int kn_rcu_start(void)
{
    int rc = 0;
    pthread_mutex_lock(&lock);
    if (!visitor_key_made) {
        rc = -pthread_key_create(&visitor_key, forget_visitor);
        visitor_key_made = rc == 0;
    }
    if (rc == 0 && !helper) {
        /* liburcu aborts the process when it cannot start its thread: find out before it does. */
        struct kn_thread thread = {NULL};
        rc = kn_thread_start(&thread, "koken/probe", probe, NULL);
        if (rc == 0) {
            kn_thread_join(&thread);
            helper = urcu_qsbr_create_call_rcu_data(0, -1);
            rc = helper ? 0 : -ENOMEM;
        }
    }
    if (rc == 0) {
        users++;
    }
    pthread_mutex_unlock(&lock);
    return rc == 0 ? 0 : (rc == -ENOMEM ? -ENOMEM : -EAGAIN);
}

void kn_rcu_stop(void)
{
    urcu_qsbr_barrier();
    KN_RCU_ACQUIRE();
    pthread_mutex_lock(&lock);
    KOKEN_CHECK(users > 0);
    if (--users == 0) {
        urcu_qsbr_call_rcu_data_free(helper);
        helper = NULL;
    }
    pthread_mutex_unlock(&lock);
}

void kn_rcu_enter(void)
{
    urcu_qsbr_register_thread();
}

void kn_rcu_leave(void)
{
    KN_RCU_RELEASE();
    urcu_qsbr_unregister_thread();
}

void kn_rcu_offline(void)
{
    KN_RCU_RELEASE();
    urcu_qsbr_thread_offline();
}

void kn_rcu_online(void)
{
    urcu_qsbr_thread_online();
}

void kn_rcu_quiescent(void)
{
    KN_RCU_RELEASE();
    urcu_qsbr_quiescent_state();
}

void kn_rcu_visit(void)
{
    if (kn_unlikely(!is_visitor)) {
        urcu_qsbr_register_thread();
        is_visitor = true;
        pthread_setspecific(visitor_key, &is_visitor);
    } else {
        urcu_qsbr_thread_online();
    }
}

void kn_rcu_depart(void)
{
    KN_RCU_RELEASE();
    urcu_qsbr_thread_offline();
}

static void call_back(struct rcu_head *words)
{
    struct kn_rcu_head *head = kn_container_of(words, struct kn_rcu_head, words);
    KN_RCU_ACQUIRE();
    head->fn(head);
}

void kn_rcu_defer(struct kn_rcu_head *head, void (*fn)(struct kn_rcu_head *head))
{
    head->fn = fn;
    KN_RCU_RELEASE();
    urcu_qsbr_set_thread_call_rcu_data(helper);
    urcu_qsbr_call_rcu((struct rcu_head *)(void *)head->words, call_back);
}

void kn_rcu_synchronize(void)
{
    urcu_qsbr_synchronize_rcu();
    KN_RCU_ACQUIRE();
}
