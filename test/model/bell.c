/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bells: actors/bell.c as it stands, where a thread waits. Who has heard it sees what the ringer did, and nobody sleeps
 * on a bell that has rung; who is out of time leaves, or waits for the ring that is on its way.
 */
#include "test/model/lib/model.h"

#include "actors/bell.c"

static struct kn_bell bell;
static kn_atomic(uint32_t) is_claimed; /* by the ringer, or by who leaves */
static uint64_t note;
static uint64_t heard;

/* ---- what is left out: fibers -------------------------------------------------------------------------- */

KN_TLS struct kn_worker *kn_worker_self;

void kn_rcu_visit(void)
{
}

void kn_rcu_depart(void)
{
}

void kn_agent_nudge(struct kn_local *local, struct kn_agent *a)
{
    (void)local, (void)a;
}

kn_atomic(struct kn_chunk *) kn_chunks[KN_CHUNKS_MAX];

bool kn_fiber_collect(struct kn_fiber_agent *f)
{
    return f != NULL;
}

uint32_t kn_fiber_wait_begin(struct kn_fiber_agent *f, uint64_t timeout_ns)
{
    return f != NULL && timeout_ns > 0;
}

void kn_fiber_wait_end(struct kn_fiber_agent *f)
{
    (void)f;
}

int kn_fiber_wait(struct kn_fiber_agent *f)
{
    return f != NULL;
}

void kn_fiber_suspend(void)
{
}

void kn_blocking_enter(struct kn_worker *worker)
{
    (void)worker;
}

struct kn_worker *kn_blocking_leave(struct kn_sched *sched)
{
    (void)sched;
    return NULL;
}

uint64_t kn_delay_deadline(uint64_t timeout_ns)
{
    return timeout_ns;
}

/* ---- scenarios -------------------------------------------------------------------------------------- */

static bool leave_it(struct kn_bell *self)
{
    KOKEN_CHECK(self == &bell);
    return kn_swap(&is_claimed, 1, acq_rel) == 0;
}

static void start(void)
{
    kn_model_thread_local(&callbacks, sizeof callbacks);
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    note = heard = 0;
    kn_atomic_init(&is_claimed, 0);
    KOKEN_CHECK(kn_bell_init(&bell, leave_it) == 0);
}

static void ring_it(void)
{
    note = 1;
    if (kn_swap(&is_claimed, 1, acq_rel) == 0) {
        note = 2; /* nothing but the ring orders this */
        kn_bell_ring(&bell);
    }
}

static void wait_for_it(void)
{
    if (kn_bell_wait(&bell, UINT64_MAX) == 0) {
        heard = 1;
        KOKEN_CHECK(note == 2);
    }
}

/* A model's clock moves by one at each look: out of time at once. */
static void wait_a_moment(void)
{
    int rc = kn_bell_wait(&bell, 1);
    KOKEN_CHECK(rc == 0 || rc == -ETIMEDOUT);
    if (rc == 0) {
        heard = 1;
        KOKEN_CHECK(note == 2);
    }
}

static void abandon(void)
{
    kn_bell_abandon(&bell);
    if (kn_load(&bell.rung, relaxed)) {
        KOKEN_CHECK(note == 2);
    }
}

static void check_heard(void)
{
    KOKEN_CHECK(heard == 1);
}

static const struct kn_scenario scenarios[] = {
    {"rung", start, {wait_for_it, ring_it}, check_heard},
    {"rung, or out of time", start, {wait_a_moment, ring_it}, NULL},
    {"rung, or abandoned", start, {abandon, ring_it}, NULL},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
