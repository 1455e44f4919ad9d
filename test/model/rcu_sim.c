/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RCU of simulator builds: actors/kn_rcu_sim.h as it stands, on real threads. What a reader has found is there until it
 * says otherwise; who waits for that is woken by the last who does.
 */
#include "test/model/lib/model.h"

#include <stdlib.h>

#include "base/alloc.h"

/* Memory at the same addresses in every execution. */
#define malloc(size) kn_alloc(size, 64, -1)
#define free(memory) kn_model_free(memory, sizeof(struct reader))
#include "actors/kn_rcu_sim.h"

static kn_atomic(uint64_t *) place;
static uint64_t object;

static void start(void)
{
    kn_model_thread_local(&reader, sizeof reader);
    readers = reader = NULL;
    pthread_mutex_init(&readers_lock, NULL);
    kn_atomic_init(&grace_period, 1);
    kn_atomic_init(&round_bell, 0);
    kn_atomic_init(&round_waiters, 0);
    object = 1;
    kn_atomic_init(&place, &object);
}

static void read_it(void)
{
    uint64_t *p = kn_load(&place, relaxed);
    KOKEN_CHECK(!p || *p == 1);
}

static void take_away(void)
{
    kn_store(&place, NULL, relaxed);
    urcu_qsbr_synchronize_rcu();
    object = 0; /* as if freed */
}

static void visit(void)
{
    urcu_qsbr_register_thread();
    read_it();
    urcu_qsbr_unregister_thread();
}

/* Known, but not reading, when it comes back. */
static void come_back(void)
{
    urcu_qsbr_register_thread();
    urcu_qsbr_thread_offline();
    urcu_qsbr_thread_online();
    read_it();
    urcu_qsbr_thread_offline();
}

static void stay(void)
{
    urcu_qsbr_register_thread();
    read_it();
    urcu_qsbr_quiescent_state();
    read_it();
    urcu_qsbr_thread_offline();
}

static void wait_too(void)
{
    urcu_qsbr_synchronize_rcu();
}

static void take_away_after(void)
{
    urcu_qsbr_register_thread();
    take_away();
    urcu_qsbr_unregister_thread();
}

static const struct kn_scenario scenarios[] = {
    {"a visitor", start, {take_away, visit}, NULL},
    {"one that comes back", start, {take_away, come_back}, NULL},
    {"one that stays", start, {take_away, stay}, NULL},
    {"one that stays, a waiter that is a reader", start, {take_away_after, stay}, NULL},
    {"two visitors", start, {take_away, visit, visit}, NULL, .limit = 4000},
    {"two grace periods", start, {take_away, wait_too, visit}, NULL, .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
