/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves whom a thief visits, in which order and how evenly (T029, T100), and what it leaves alone:
 * a lone fresh runnable and a fresh slot, until they have aged or their worker is stuck.
 */
#include "base/world.h"
#include "sched/lifo.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <string.h>

enum { WORKERS = 8 };

static struct kn_sched sched;
static struct kn_worker *workers[WORKERS];
static struct kn_worker storage[WORKERS];
static struct kn_runnable items[300];

/* Two nodes of four workers; nobody runs them. */
static void set_up(void)
{
    struct kn_count_reason reason;
    struct kn_sched_config config = {.topology = "numa:2 core:4 pu:1"};
    static uint16_t victims[WORKERS][WORKERS];

    memset(&sched, 0, sizeof(sched));
    memset(storage, 0, sizeof(storage));
    cr_assert_eq(kn_topology_new(&config, &sched.topology, &reason), 0);
    cr_assert_eq(reason.workers, WORKERS);
    sched.workers = workers;
    sched.worker_count = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = &storage[i];
        storage[i].index = i;
        storage[i].sched = &sched;
        storage[i].rng = kn_random_seed(i + 42);
        storage[i].victims = victims[i];
        kn_atomic_init(&storage[i].stuck_tick, UINT64_MAX);
        kn_topology_victims(sched.topology, i, victims[i], storage[i].ring_end);
    }
    storage[0].is_searching = true;
}

static void tear_down(void)
{
    kn_topology_free(sched.topology);
}

static void queue(unsigned index, unsigned count, enum kn_prio prio)
{
    for (unsigned i = 0; i < count; i++) {
        cr_assert(kn_runq_push(&storage[index].queues[prio], &items[i]));
    }
    kn_store(&storage[index].levels, kn_load(&storage[index].levels, relaxed) | 1u << prio,
             relaxed);
}

static void drain(unsigned index)
{
    for (unsigned i = 0; i < KN_PRIO_COUNT_; i++) {
        while (kn_runq_pop(&storage[index].queues[i], false) != NULL) {}
    }
}

Test(steal, half_is_taken_the_rest_queued, .init = set_up, .fini = tear_down)
{
    enum kn_prio prio;

    queue(5, 200, KN_PRIO_HIGH);
    cr_assert_eq(kn_steal(&storage[0], &prio), &items[99]);
    cr_assert_eq(prio, KN_PRIO_HIGH);
    cr_assert_eq(kn_runq_len(&storage[0].queues[KN_PRIO_HIGH]), 99);
    cr_assert_eq(kn_load(&storage[0].levels, relaxed), 1u << KN_PRIO_HIGH);
    cr_assert_eq(kn_count_read(&storage[0].stats.stolen), 100);
}

Test(steal, the_highest_level_goes_first, .init = set_up, .fini = tear_down)
{
    enum kn_prio prio;

    queue(1, 10, KN_PRIO_LOW);
    queue(1, 10, KN_PRIO_CRITICAL);
    cr_assert_not_null(kn_steal(&storage[0], &prio));
    cr_assert_eq(prio, KN_PRIO_CRITICAL);
}

/* Whom worker 0 robs when all of these have plenty, 10 000 times; chi-square against an even
 * spread. */
static double chi_square(unsigned first, unsigned last, unsigned hits[WORKERS])
{
    const unsigned times = 10000;
    double expected = (double)times / (last - first + 1), sum = 0;
    enum kn_prio prio;

    for (unsigned n = 0; n < times; n++) {
        for (unsigned i = first; i <= last; i++) {
            drain(i);
            queue(i, 8, KN_PRIO_NORMAL);
        }
        cr_assert_not_null(kn_steal(&storage[0], &prio));
        drain(0);
        for (unsigned i = 1; i < WORKERS; i++) {
            hits[i] +=
                i >= first && i <= last && kn_runq_len(&storage[i].queues[KN_PRIO_NORMAL]) == 4;
        }
    }
    for (unsigned i = first; i <= last; i++) {
        sum += (hits[i] - expected) * (hits[i] - expected) / expected;
    }
    return sum;
}

Test(steal, is_even_within_a_ring, .init = set_up, .fini = tear_down) /* T029 */
{
    unsigned local[WORKERS] = {0}, remote[WORKERS] = {0};

    cr_assert_lt(chi_square(1, 3, local), 9.21, "2 degrees of freedom at 1 %%");
    cr_assert_lt(chi_square(4, 7, remote), 11.34, "3 degrees of freedom at 1 %%");
}

Test(steal, the_own_node_goes_first, .init = set_up, .fini = tear_down) /* T100 */
{
    unsigned hits[WORKERS] = {0};

    (void)chi_square(1, 7, hits);
    cr_assert_eq(hits[1] + hits[2] + hits[3], 10000);
}

Test(steal, a_lone_fresh_runnable_is_left_until_it_has_aged, .init = set_up, .fini = tear_down)
{
    enum kn_prio prio;

    queue(2, 1, KN_PRIO_NORMAL);
    storage[0].now_ns = 1000000;
    cr_assert_null(kn_steal(&storage[0], &prio));
    storage[0].now_ns += 9000;
    cr_assert_null(kn_steal(&storage[0], &prio));
    storage[0].now_ns += 1000;
    cr_assert_eq(kn_steal(&storage[0], &prio), &items[0]);
}

Test(steal, a_queue_that_moves_on_does_not_age, .init = set_up, .fini = tear_down)
{
    enum kn_prio prio;

    storage[0].now_ns = 1000000;
    for (unsigned i = 0; i < 100; i++) {
        queue(2, 1, KN_PRIO_NORMAL);
        cr_assert_null(kn_steal(&storage[0], &prio));
        storage[0].now_ns += 9000;
        drain(2);
    }
}

Test(steal, a_lone_runnable_of_long_dispatches_is_taken_at_once, .init = set_up, .fini = tear_down)
{
    enum kn_prio prio;

    queue(2, 1, KN_PRIO_NORMAL);
    kn_store(&storage[2].dispatch_ns, 100000, relaxed);
    cr_assert_eq(kn_steal(&storage[0], &prio), &items[0]);
}

Test(steal, the_slot_is_taken_when_its_worker_stays_in_a_dispatch, .init = set_up,
     .fini = tear_down)
{
    enum kn_prio prio;

    cr_assert_null(kn_lifo_put(&storage[3], &items[0]));
    storage[0].now_ns = 1000000;
    for (unsigned i = 0; i < 10; i++) { /* its worker gets on: never */
        cr_assert_null(kn_steal(&storage[0], &prio));
        storage[0].now_ns += 20000;
        kn_store(&storage[3].tick, i + 1, relaxed);
    }
    cr_assert_null(kn_steal(&storage[0], &prio));
    storage[0].now_ns += 10000;
    cr_assert_eq(kn_steal(&storage[0], &prio), &items[0]);
    cr_assert_eq(prio, KN_PRIO_NORMAL);
    cr_assert_eq(kn_count_read(&storage[0].stats.lifo_stolen), 1);
}

Test(steal, all_is_fair_game_at_a_stuck_worker, .init = set_up, .fini = tear_down)
{
    enum kn_prio prio;

    cr_assert_null(kn_lifo_put(&storage[3], &items[0]));
    queue(3, 1, KN_PRIO_LOW);
    kn_store(&storage[3].tick, 17, relaxed);
    kn_store(&storage[3].stuck_tick, 17, relaxed);
    cr_assert_not_null(kn_steal(&storage[0], &prio));
    cr_assert_not_null(kn_steal(&storage[0], &prio));
    cr_assert_null(kn_steal(&storage[0], &prio));
}

static enum kn_prio any_prio;

/* Whether it finds what lies at one victim. */
static bool finds(unsigned victim)
{
    queue(victim, 8, KN_PRIO_NORMAL);
    bool found = kn_steal(&storage[0], &any_prio) != NULL;
    drain(0);
    drain(victim);
    return found;
}

Test(steal, in_turn, .init = set_up, .fini = tear_down)
{
    static const unsigned expected[] = {1, 2, 3, 4, 5, 6, 7, 1, 2};
    sched.config.steal = KN_STEAL_ROUND_ROBIN;
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        for (unsigned other = 1; other < WORKERS; other++) {
            queue(other, 8, KN_PRIO_NORMAL);
        }
        cr_assert_not_null(kn_steal(&storage[0], &any_prio));
        cr_assert_eq(storage[0].steal_next, expected[i]);
        for (unsigned other = 0; other < WORKERS; other++) {
            drain(other);
        }
    }
    cr_assert_null(kn_steal(&storage[0], &any_prio)); /* everybody once, and not itself */
    cr_assert(finds(5));
}

Test(steal, who_is_alone_robs_nobody, .init = set_up, .fini = tear_down) /* T100, T065 */
{
    static const enum kn_steal_policy policies[] = {KN_STEAL_NEAR, KN_STEAL_ROUND_ROBIN,
                                                    KN_STEAL_ADAPTIVE};
    sched.worker_count = 1;
    memset(storage[0].ring_end, 0, sizeof storage[0].ring_end);
    for (unsigned i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        sched.config.steal = policies[i];
        queue(0, 8, KN_PRIO_NORMAL); /* its own, and of one that is not there */
        queue(1, 8, KN_PRIO_NORMAL);
        cr_assert_null(kn_steal(&storage[0], &any_prio));
        cr_assert_eq(kn_runq_len(&storage[0].queues[KN_PRIO_NORMAL]), 8);
        drain(0);
        drain(1);
    }
}

Test(steal, by_measured_success, .init = set_up, .fini = tear_down)
{
    unsigned node = 0;
    sched.config.steal = KN_STEAL_ADAPTIVE;
    while (storage[0].ring_end[node] == 0) {
        node++; /* the nearest ring that has anybody */
    }
    for (int i = 0; i < 64; i++) {
        cr_assert(finds(6)); /* work is found on the other node only */
    }
    cr_assert_gt(storage[0].ring_success[KN_RING_REMOTE], storage[0].ring_success[node]);
    uint64_t before = kn_count_read(&storage[0].stats.steal_attempts);
    for (int i = 0; i < 8; i++) {
        cr_assert(finds(6));
    }
    /* 7 of 8 go there at once, to at most 4; one goes by distance, past 3 more. */
    cr_assert_leq(kn_count_read(&storage[0].stats.steal_attempts) - before, 8 * 4 + 3);
    for (int i = 0; i < 200; i++) {
        cr_assert(finds(1)); /* now near by: it learns again */
    }
    cr_assert_gt(storage[0].ring_success[node], storage[0].ring_success[KN_RING_REMOTE]);
}
