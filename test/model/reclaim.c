/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reclamation: actors/kn_rcu.c as it stands, over a small RCU in place of liburcu's. What is deferred is called back
 * though the reclaimer sleeps; a grace period is over for whom has asked for it; who is the only reader sees
 * what those did who have gone, and is seen by those who come.
 */
#include "test/model/lib/model.h"

#include <stdbool.h>

bool kn_world_is_simulated(void);

#include "actors/kn_rcu.c"

static struct kn_reclaimer reclaimer;
static struct kn_rcu_head heads[2];
static uint64_t called;
static kn_atomic(uint64_t *) place;
static uint64_t object, notes[2];
static kn_atomic(uint32_t) turn;

/* ---- the RCU below: who reads, by thread ---------------------------------------------------------- */

static kn_atomic(uint32_t) reads[KN_MODEL_THREADS + 1];
static kn_atomic(uint64_t) synchronized; /* grace periods that have begun */

void urcu_qsbr_thread_online(void)
{
    kn_store(&reads[kn_model_self()], 1, relaxed);
    kn_fence_seq_cst();
}

void urcu_qsbr_thread_offline(void)
{
    kn_store(&reads[kn_model_self()], 0, release);
}

void urcu_qsbr_register_thread(void)
{
    urcu_qsbr_thread_online();
}

void urcu_qsbr_unregister_thread(void)
{
    urcu_qsbr_thread_offline();
}

void urcu_qsbr_quiescent_state(void)
{
}

void urcu_qsbr_synchronize_rcu(void)
{
    (void)kn_add(&synchronized, 1, relaxed);
    kn_fence_seq_cst();
    for (unsigned i = 0; i < KN_MODEL_THREADS; i++) {
        while (kn_load(&reads[i], acquire) != 0) {
            kn_thread_yield();
        }
    }
}

bool kn_world_is_simulated(void)
{
    return true; /* no key of pthread's: a visitor registers at each visit */
}

/* ---- scenarios ------------------------------------------------------------------------------------ */

static void call(struct kn_rcu_head *head)
{
    (void)head;
    called++;
}

static void start(void)
{
    kn_model_thread_local(&is_visitor, sizeof is_visitor);
    kn_model_thread_local(&is_member, sizeof is_member);
    kn_model_thread_local(&visits, sizeof visits);
    kn_atomic_init(&online.count, 0);
    for (unsigned i = 0; i <= KN_MODEL_THREADS; i++) {
        kn_atomic_init(&reads[i], 0);
    }
    reclaimer = (struct kn_reclaimer){.deferred = NULL};
    pthread_mutex_init(&reclaimer.lock, NULL);
    kn_atomic_init(&synchronized, 0);
    called = 0;
    object = 1;
    notes[0] = notes[1] = 0;
    kn_atomic_init(&place, &object);
    kn_atomic_init(&turn, 0);
}

static void run_reclaimer(void)
{
    reclaim(&reclaimer);
}

/* As kn_reclaimer_stop(), but for the join. */
static void end_reclaimer(void)
{
    kn_store(&reclaimer.is_stopping, 1, relaxed);
    ring(&reclaimer);
}

static void defer_1(void)
{
    kn_rcu_defer(&reclaimer, &heads[0], call);
}

static void defer_other(void)
{
    kn_rcu_defer(&reclaimer, &heads[1], call);
}

static void defer_2(void)
{
    kn_rcu_defer(&reclaimer, &heads[0], call);
    kn_rcu_defer(&reclaimer, &heads[1], call);
}

static void check_called_once(void)
{
    KOKEN_CHECK(called == 1 && reclaimer.deferred == NULL);
}

static void check_called_twice(void)
{
    KOKEN_CHECK(called == 2 && reclaimer.deferred == NULL);
}

/* Nothing but the stop wakes it. */
static void check_nothing(void)
{
    KOKEN_CHECK(called == 0);
}

static void take_away(void)
{
    kn_store(&place, NULL, relaxed);
    KOKEN_CHECK(kn_rcu_grace(&reclaimer, KN_NEVER));
    object = 0; /* as if freed */
}

/* One begins after the question. */
static void ask(void)
{
    uint64_t begun = kn_model_peek(&synchronized);
    KOKEN_CHECK(kn_rcu_grace(&reclaimer, KN_NEVER));
    KOKEN_CHECK(kn_model_peek(&synchronized) > begun);
}

static void read_once(void)
{
    kn_rcu_visit();
    uint64_t *p = kn_load(&place, relaxed);
    KOKEN_CHECK(!p || *p == 1);
    kn_rcu_depart();
}

/* A member that looks whether it is alone; who was first is looked at without any order. */
static void look_around(void)
{
    kn_rcu_enter();
    bool has_been_visited = kn_model_peek(&turn) == 1;
    if (kn_rcu_is_only_reader() && has_been_visited) { /* and the visitor has gone */
        KOKEN_CHECK(notes[1] == 1);
    }
    kn_rcu_leave();
}

static void visit_and_write(void)
{
    kn_rcu_visit();
    notes[1] = 1;
    kn_rcu_depart();
    kn_store(&turn, 1, relaxed);
}

static void look_first(void)
{
    kn_rcu_enter();
    notes[0] = 1;
    KOKEN_CHECK(kn_rcu_is_only_reader());
    kn_store(&turn, 2, relaxed); /* now it comes */
    kn_rcu_leave();
}

static void visit_and_read(void)
{
    while (kn_load(&turn, relaxed) != 2) { /* ends: the looker goes on */
        kn_thread_yield();
    }
    kn_rcu_visit();
    KOKEN_CHECK(notes[0] == 1);
    kn_rcu_depart();
}

static const struct kn_scenario scenarios[] = {
    {"defer", start, {run_reclaimer, defer_1}, check_called_once, .may_sleep = 1},
    {"defer 2", start, {run_reclaimer, defer_2}, check_called_twice, .may_sleep = 1},
    {"a stop", start, {run_reclaimer, end_reclaimer}, check_nothing},
    {"a grace period, 1 reader",
     start,
     {run_reclaimer, take_away, read_once},
     NULL,
     .limit = 60000,
     .may_sleep = 1},
    {"2 grace periods", start, {run_reclaimer, ask, ask}, NULL, .limit = 60000, .may_sleep = 1},
    {"2 grace periods, 1 reader",
     start,
     {run_reclaimer, ask, take_away, read_once},
     NULL,
     .limit = 20000,
     .may_sleep = 1},
    {"2 that defer",
     start,
     {run_reclaimer, defer_1, defer_other},
     check_called_twice,
     .limit = 60000,
     .may_sleep = 1},
    {"alone after a visitor", start, {look_around, visit_and_write}, NULL},
    {"alone before a visitor", start, {look_first, visit_and_read}, NULL},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
