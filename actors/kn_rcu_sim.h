/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kn_rcu.c calls of liburcu, for simulator builds: the threads of a simulation are one thread of the
 * system, which liburcu would know as one reader. A reader has a record; 0 says offline, else it is the
 * grace grace_period that it has last seen. Right on real threads too, only slower. Included by kn_rcu.c alone.
 */
#ifndef KN_ACTORS_KN_RCU_SIM_H
#define KN_ACTORS_KN_RCU_SIM_H

#include "base/align.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <pthread.h>
#include <stdlib.h>

struct reader {
    struct reader *next;      /* (m) */
    kn_atomic(uint64_t) seen; /* (a) */
};

static pthread_mutex_t readers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct reader *readers;               /* (m) */
static kn_atomic(uint64_t) grace_period = 1; /* (a) the grace grace_period under way */
static kn_atomic(uint32_t) round_bell;       /* (a) futex of those who wait for its end */
static kn_atomic(uint32_t) round_waiters;    /* (a) */

static KN_TLS struct reader *reader;
KN_TLS_SIMULATED(reader);

/*
 * [AQ1] release: what the reader did before; pairs with acquire in has_ended(). The fence is before its next readings, and
 * before the look for who waits; pairs with the one in urcu_qsbr_synchronize_rcu(), which comes after the writings, and
 * before the look at readers: one of the two sees the other.
 */
static void pass(uint64_t seen)
{
    kn_store(&reader->seen, seen, release);      /* [AQ1] */
    kn_fence_seq_cst();                          /* [AQ1] */
    if (kn_load(&round_waiters, relaxed) != 0) { /* relaxed: behind the fence */
        (void)kn_add(&round_bell, 1, relaxed);   /* relaxed: likewise */
        kn_futex_wake(&round_bell, UINT32_MAX);
    }
}

static void urcu_qsbr_register_thread(void)
{
    reader = malloc(sizeof *reader); /* seam: a reader cannot say that it has no memory */
    KOKEN_CHECK(reader != NULL);
    /* [AQ1] acquire: what was taken away before. An older one only makes others wait. */
    kn_atomic_init(&reader->seen, kn_load(&grace_period, acquire));
    pthread_mutex_lock(&readers_lock);
    reader->next = readers;
    readers = reader;
    pthread_mutex_unlock(&readers_lock);
}

static void urcu_qsbr_unregister_thread(void)
{
    pass(0);
    pthread_mutex_lock(&readers_lock);
    struct reader **link = &readers;
    while (*link != reader) { /* ends: it is in the list */
        link = &(*link)->next;
    }
    *link = reader->next;
    pthread_mutex_unlock(&readers_lock);
    free(reader); /* seam: as above */
    reader = NULL;
}

static void urcu_qsbr_thread_offline(void)
{
    pass(0);
}

static void urcu_qsbr_thread_online(void)
{
    /* Relaxed, both: the fence orders them, as in pass(), and acquires what was taken away before. */
    kn_store(&reader->seen, kn_load(&grace_period, relaxed), relaxed);
    kn_fence_seq_cst(); /* [AQ1] */
}

static void urcu_qsbr_quiescent_state(void)
{
    uint64_t now = kn_load(&grace_period, relaxed); /* relaxed: the fence in pass() acquires */
    if (kn_load(&reader->seen, relaxed) != now) {   /* relaxed: our own */
        pass(now);
    }
}

/* Whether nobody is left who was online before that grace_period. */
static bool has_ended(uint64_t now)
{
    bool is_over = true;
    pthread_mutex_lock(&readers_lock);
    for (struct reader *r = readers; r != NULL; r = r->next) {
        uint64_t seen = kn_load(&r->seen, acquire); /* [AQ1] acquire: its readings */
        is_over = is_over && (r == reader || seen == 0 || seen >= now);
    }
    pthread_mutex_unlock(&readers_lock);
    return is_over;
}

static void urcu_qsbr_synchronize_rcu(void)
{
    uint64_t now = kn_add(&grace_period, 1, release) + 1; /* [AQ1] release: what was taken away */
    (void)kn_add(&round_waiters, 1, relaxed);             /* relaxed: before the fence */
    kn_fence_seq_cst();                                   /* [AQ1] as in pass() */
    uint32_t heard = kn_load(&round_bell, acquire);       /* [AQ1] acquire: who has rung is seen */
    while (!has_ended(now)) { /* ends: each reader passes a quiescent state */
        (void)kn_futex_wait(&round_bell, heard, KN_NEVER);
        heard = kn_load(&round_bell, acquire); /* [AQ1] */
    }
    (void)kn_sub(&round_waiters, 1, relaxed); /* relaxed: one ring too many does no harm */
}

#endif
