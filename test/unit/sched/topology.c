/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves worker counts and places on synthetic machines: victims near before far (T100), every
 * worker in exactly one ring of each other (T101), and the choice inside a ring uniform (T029).
 */
#include "sched/topology.h"

#include "base/world.h"
#include "sched/machine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct kn_topology *load(const char *description, unsigned workers)
{
    struct kn_topology *topology = NULL;
    struct kn_count_reason reason;
    struct kn_sched_config config = {
        .topology = description, .workers = workers, .is_exact = workers > 0};

    cr_assert_eq(kn_topology_new(&config, &topology, &reason), 0);
    cr_assert_eq(reason.workers, topology->workers);
    return topology;
}

Test(topology, the_count_is_the_least_of_affinity_quota_and_wish)
{
    struct {
        struct kn_count_reason reason;
        unsigned workers;
    } cases[] = {
        {{.pus = 8}, 8},
        {{.pus = 8, .quota = 3}, 3},
        {{.pus = 8, .quota = 3, .wanted = 2}, 2},
        {{.pus = 8, .quota = 3, .wanted = 5}, 3},
        {{.pus = 2, .wanted = 16}, 2},
        {{.pus = 2, .wanted = 16, .is_exact = true}, 16},
        {{.pus = 100000}, KN_WORKERS_MAX},
        {{.pus = 0}, 1},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(kn_worker_count(&cases[i].reason), cases[i].workers, "case %u", i);
    }
}

Test(topology, this_machine_has_a_place_for_each_worker)
{
    struct kn_topology *topology = load(NULL, 0);
    int bound_cpu = -1;

    cr_assert_geq(topology->workers, 1);
    cr_assert_geq(topology->places[0].cpu, 0);
    kn_topology_bind(topology, 0, &bound_cpu);
    cr_assert_eq(bound_cpu, -1, "binding is opt-in");
    kn_topology_free(topology);
    kn_topology_free(NULL);
}

Test(topology, nonsense_is_refused)
{
    struct kn_topology *topology = NULL;
    struct kn_count_reason reason;

    cr_assert_eq(kn_topology_new(&(struct kn_sched_config){.topology = "numa:0 nonsense"},
                                 &topology, &reason),
                 -EINVAL);
    cr_assert_null(topology);
}

Test(topology, first_threads_of_cores_come_before_second_ones)
{
    struct kn_topology *topology = load("numa:2 core:2 pu:2", 4);
    const int cpus[] = {0, 2, 4, 6};

    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(topology->places[i].cpu, cpus[i], "worker %u on %d", i,
                     topology->places[i].cpu);
    }
    kn_topology_free(topology);

    topology = load("numa:2 core:2 pu:2", 6);
    const int six[] = {0, 1, 2, 3, 4, 6};
    for (unsigned i = 0; i < 6; i++) {
        cr_assert_eq(topology->places[i].cpu, six[i], "worker %u on %d", i,
                     topology->places[i].cpu);
    }
    kn_topology_free(topology);
}

Test(topology, more_workers_than_processors_share)
{
    struct kn_topology *topology = load("numa:1 core:2 pu:1", 5);

    cr_assert_eq(topology->places[1].cpu, 1);
    cr_assert_eq(topology->places[2].cpu, -1);
    cr_assert_eq(topology->places[4].core, topology->places[0].core);
    kn_topology_free(topology);
}

static void check_rings(const char *description)
{
    struct kn_topology *topology = load(description, 0);

    for (unsigned i = 0; i < topology->workers; i++) {
        uint16_t victims[KN_WORKERS_MAX], ring_end[KN_RING_COUNT];
        bool is_seen[KN_WORKERS_MAX] = {false};
        unsigned begin = 0;

        kn_topology_victims(topology, i, victims, ring_end);
        cr_assert_eq(ring_end[KN_RING_COUNT - 1], topology->workers - 1);
        for (unsigned ring = 0; ring < KN_RING_COUNT; ring++) {
            for (unsigned at = begin; at < ring_end[ring]; at++) {
                cr_assert_neq(victims[at], i, "never itself");
                cr_assert(!is_seen[victims[at]]);
                is_seen[victims[at]] = true;
                cr_assert_eq(
                    kn_place_distance(&topology->places[i], &topology->places[victims[at]]),
                    (enum kn_ring)ring);
            }
            begin = ring_end[ring];
        }
    }
    kn_topology_free(topology);
}

Test(topology, every_other_worker_is_a_victim_once_near_before_far) /* T100, T101 */
{
    check_rings("numa:2 core:4 pu:1");
    check_rings("numa:2 l3:2 core:4 pu:2");
    check_rings("numa:4 core:8 pu:2");
    check_rings("pu:1");
}

Test(topology, rings_are_core_cache_node_remote)
{
    struct kn_topology *topology = load("numa:2 l3:2 core:2 pu:2", 0);
    uint16_t victims[KN_WORKERS_MAX], ring_end[KN_RING_COUNT];

    cr_assert_eq(topology->workers, 16);
    cr_assert_eq(topology->nodes, 2);
    kn_topology_victims(topology, 5, victims, ring_end);
    cr_assert_eq(ring_end[KN_RING_CORE], 1);
    cr_assert_eq(victims[0], 4);
    cr_assert_eq(ring_end[KN_RING_CACHE], 3);
    cr_assert_eq(ring_end[KN_RING_NODE], 7);
    cr_assert_eq(ring_end[KN_RING_REMOTE], 15);
    cr_assert_eq(topology->places[7].node, 0);
    cr_assert_eq(topology->places[8].node, 1);
    kn_topology_free(topology);
}

Test(topology, a_scheduler_runs_on_a_machine_that_is_not_there)
{
    struct kn_sched *sched = NULL;
    struct kn_sched_config config = {.topology = "numa:2 core:4 pu:1",
                                     .affinity = KN_AFFINITY_CORE};

    cr_assert_eq(kn_sched_start(&config, &sched), 0);
    cr_assert_eq(kn_sched_worker_count(sched), 8);
    for (unsigned i = 0; i < 8; i++) { /* T101: each worker is on the node of its processor */
        cr_assert_eq(kn_sched_worker(sched, i)->node, (int)i / 4, "worker %u", i);
    }
    cr_assert(kn_sched_quiet(sched, KN_NEVER));
    cr_assert_eq(kn_sched_stop(sched, KN_NEVER), 0);
    kn_sched_free(sched);
}
