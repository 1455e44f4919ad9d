/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: what is deferred is called back once, after every reader that was online has passed a quiescent
 * state, a grace period that is asked for is waited for until a deadline, and a reclaimer that is stopped
 * leaves nothing undone.
 */
#include "actors/kn_rcu.h"

#include "base/alloc.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <pthread.h>

struct object {
    struct kn_rcu_head head;
    kn_atomic(uint32_t) calls;
};

static kn_atomic(uint32_t) phase;

static void callback(struct kn_rcu_head *head)
{
    struct object *o = kn_container_of(head, struct object, head);
    (void)kn_add(&o->calls, 1, acq_rel);
}

static void wait_for(kn_atomic(uint32_t) *word, uint32_t value)
{
    while (kn_load(word, acquire) < value) { /* ends: or the test runs into its limit */
        kn_thread_yield();
    }
}

static void *read_for_a_while(void *unused)
{
    (void)unused;
    kn_rcu_enter();
    kn_store(&phase, 1, release);
    wait_for(&phase, 2);
    while (kn_load(&phase, acquire) < 3) { /* again: the grace period may begin late */
        kn_rcu_quiescent();
        kn_thread_yield();
    }
    kn_rcu_leave();
    return NULL;
}

/* A reader that has not passed a quiescent state holds the callback back; then it comes. */
Test(kn_rcu, waits_for_readers, .timeout = 60)
{
    struct kn_reclaimer reclaimer;
    static struct object object;
    pthread_t reader;
    cr_assert_eq(kn_world_init(), 0);
    cr_assert_eq(kn_reclaimer_start(&reclaimer), 0);
    cr_assert_eq(pthread_create(&reader, NULL, read_for_a_while, NULL), 0);
    wait_for(&phase, 1);
    kn_rcu_defer(&reclaimer, &object.head, callback);
    uint64_t end = kn_now() + 5000000;
    while (kn_now() < end) {
        cr_assert_eq(kn_load(&object.calls, acquire), 0u);
        kn_thread_yield();
    }
    kn_store(&phase, 2, release);
    wait_for(&object.calls, 1);
    kn_store(&phase, 3, release);
    pthread_join(reader, NULL);
    kn_reclaimer_stop(&reclaimer);
    cr_assert_eq(kn_load(&object.calls, acquire), 1u);
}

/* A grace period that is asked for: not over while a reader is where it was; over then; and no debt is left. */
Test(kn_rcu, a_grace_has_a_deadline, .timeout = 60)
{
    struct kn_reclaimer reclaimer;
    pthread_t reader;
    kn_store(&phase, 0, relaxed);
    cr_assert_eq(kn_world_init(), 0);
    cr_assert_eq(kn_reclaimer_start(&reclaimer), 0);
    cr_assert(kn_rcu_grace(&reclaimer, KN_NEVER));
    cr_assert_eq(pthread_create(&reader, NULL, read_for_a_while, NULL), 0);
    wait_for(&phase, 1);
    uint64_t deadline = kn_now() + 2000000;
    cr_assert(!kn_rcu_grace(&reclaimer, deadline));
    cr_assert_geq(kn_now(), deadline);
    cr_assert(!kn_rcu_grace(&reclaimer, 1)); /* over already */
    kn_store(&phase, 3, release);
    cr_assert(kn_rcu_grace(&reclaimer, KN_NEVER));
    pthread_join(reader, NULL);
    kn_reclaimer_stop(&reclaimer);
}

static void *visit_now_and_then(void *arg)
{
    kn_atomic(uint32_t) *stop = arg;
    while (!kn_load(stop, acquire)) { /* ends: the test says so */
        kn_rcu_visit();
        kn_rcu_depart();
    }
    return NULL;
}

/* Many objects, visitors coming and going: each called back once by the time the reclaimer has stopped. */
Test(kn_rcu, everything_deferred_is_called_back, .timeout = 60)
{
    enum { OBJECTS = 1000 };
    static struct object objects[OBJECTS];
    kn_atomic(uint32_t) stop;
    pthread_t visitors[2];
    struct kn_reclaimer reclaimer;
    cr_assert_eq(kn_world_init(), 0);
    kn_atomic_init(&stop, 0);
    cr_assert_eq(kn_reclaimer_start(&reclaimer), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&visitors[i], NULL, visit_now_and_then, &stop), 0);
    }
    for (int i = 0; i < OBJECTS; i++) {
        kn_rcu_defer(&reclaimer, &objects[i].head, callback);
    }
    kn_reclaimer_stop(&reclaimer);
    kn_store(&stop, 1, release);
    for (int i = 0; i < 2; i++) {
        pthread_join(visitors[i], NULL);
    }
    for (int i = 0; i < OBJECTS; i++) {
        cr_assert_eq(kn_load(&objects[i].calls, acquire), 1u);
    }
}
