/* SPDX-License-Identifier: Apache-2.0 */
/* The topology by hwloc. */
#include "sched/topology.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/unseen.h"
#include "base/world.h"
#include "sched/quota.h"

#include <errno.h>
#include <hwloc.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading the machine ------------------------------------------------------------------- */

static int index_above(hwloc_topology_t hwloc, hwloc_obj_type_t type, hwloc_obj_t pu)
{
    hwloc_obj_t above = hwloc_get_ancestor_obj_by_type(hwloc, type, pu);

    return above != NULL ? (int)above->logical_index : -1;
}

/* The last cache on the way up: L3 where there is one, else L2. */
static int cache_above(hwloc_topology_t hwloc, hwloc_obj_t pu)
{
    int l3 = index_above(hwloc, HWLOC_OBJ_L3CACHE, pu);

    return l3 >= 0 ? l3 : index_above(hwloc, HWLOC_OBJ_L2CACHE, pu);
}

static struct kn_place place_of(hwloc_topology_t hwloc, hwloc_obj_t pu)
{
    hwloc_obj_t node = NULL;

    while ((node = hwloc_get_next_obj_by_type(hwloc, HWLOC_OBJ_NUMANODE, node)) != NULL) {
        if (pu->nodeset != NULL && hwloc_bitmap_isset(pu->nodeset, node->os_index)) {
            break;
        }
    }
    return (struct kn_place){
        .cpu = (int)pu->os_index,
        .core = index_above(hwloc, HWLOC_OBJ_CORE, pu),
        .cache = cache_above(hwloc, pu),
        .node = node != NULL ? (int)node->logical_index : -1,
        .node_os = node != NULL ? (int)node->os_index : -1,
    };
}

/* How many PUs of its core come before this one. */
static unsigned rank_in_core(hwloc_topology_t hwloc, hwloc_obj_t pu)
{
    hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(hwloc, HWLOC_OBJ_CORE, pu);
    unsigned rank = 0;

    if (core != NULL) {
        hwloc_obj_t other = NULL;

        while ((other = hwloc_get_next_obj_inside_cpuset_by_type(hwloc, core->cpuset, HWLOC_OBJ_PU,
                                                                 other)) != NULL &&
               other != pu) {
            rank++;
        }
    }
    return rank;
}

static int load(const char *synthetic, hwloc_topology_t *ret_hwloc)
{
    hwloc_topology_t hwloc;
    bool is_fake =
        synthetic != NULL || getenv("HWLOC_SYNTHETIC") != NULL || getenv("HWLOC_XMLFILE") != NULL;

    if (hwloc_topology_init(&hwloc) != 0) {
        return -ENOMEM;
    }
    if (synthetic != NULL && hwloc_topology_set_synthetic(hwloc, synthetic) != 0) {
        hwloc_topology_destroy(hwloc);
        return -EINVAL;
    }
    if (!is_fake) {
        (void)hwloc_topology_set_flags(hwloc, HWLOC_TOPOLOGY_FLAG_RESTRICT_TO_CPUBINDING |
                                                  HWLOC_TOPOLOGY_FLAG_IS_THISSYSTEM);
    }
    if (hwloc_topology_load(hwloc) != 0) {
        hwloc_topology_destroy(hwloc);
        return -ENOMEM;
    }
    *ret_hwloc = hwloc;
    return 0;
}

/* ---- planning ------------------------------------------------------------------------------ */

/*
 * Worker i gets the i-th PU when first PUs of cores come before second ones. The workers chosen are
 * then in logical order, so that indices are neighbours.
 */
static void plan(struct kn_topology *topology, hwloc_topology_t hwloc)
{
    unsigned planned = 0;
    unsigned chosen = topology->workers < topology->pus ? topology->workers : topology->pus;
    unsigned ranks = 0; /* ranks below this are all chosen */
    unsigned below = 0, at_rank = 0;

    /* The rank at which the number of workers is reached, and how many PUs of that rank are needed.
     */
    for (; below < chosen; ranks++, below += at_rank) {
        at_rank = 0;
        for (unsigned i = 0; i < topology->pus; i++) {
            at_rank += rank_in_core(hwloc, hwloc_get_obj_by_type(hwloc, HWLOC_OBJ_PU, i)) == ranks;
        }
        if (below + at_rank >= chosen) {
            break;
        }
    }
    at_rank = chosen - below;
    for (unsigned i = 0; i < topology->pus && planned < chosen; i++) {
        hwloc_obj_t pu = hwloc_get_obj_by_type(hwloc, HWLOC_OBJ_PU, i);
        unsigned rank = rank_in_core(hwloc, pu);

        if (rank < ranks || (rank == ranks && at_rank > 0)) {
            at_rank -= rank == ranks;
            topology->places[planned++] = place_of(hwloc, pu);
        }
    }
    /* More workers than PUs: they share. */
    for (; planned < topology->workers && chosen > 0; planned++) {
        topology->places[planned] = topology->places[planned % chosen];
        topology->places[planned].cpu = -1;
    }
}

unsigned kn_worker_count(struct kn_count_reason *reason)
{
    unsigned workers = reason->pus;

    if (reason->quota > 0 && reason->quota < workers) {
        workers = reason->quota;
    }
    if (reason->wanted > 0 && (reason->wanted < workers || reason->is_exact)) {
        workers = reason->wanted;
    }
    workers = workers < KN_WORKERS_MAX ? workers : KN_WORKERS_MAX;
    reason->workers = workers > 0 ? workers : 1;
    return reason->workers;
}

/* A machine of the simulator's: so many processors on one node, and nothing to ask hwloc about. */
static int plan_simulated(struct kn_count_reason *reason, struct kn_topology **ret_topology)
{
    struct kn_topology *topology = kn_alloc(sizeof(*topology), KN_CACHE_LINE, -1);

    if (topology == NULL) {
        return -ENOMEM;
    }
    *topology =
        (struct kn_topology){.workers = kn_worker_count(reason), .pus = reason->pus, .nodes = 1};
    topology->places = kn_alloc(topology->workers * sizeof(struct kn_place), KN_CACHE_LINE, -1);
    if (topology->places == NULL) {
        kn_free(topology, sizeof(*topology), KN_CACHE_LINE);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < topology->workers; i++) {
        topology->places[i] = (struct kn_place){.cpu = -1, .core = (int)i, .node_os = -1};
    }
    *ret_topology = topology;
    return 0;
}

static int plan_real(const struct kn_sched_config *config, struct kn_topology **ret_topology,
                     struct kn_count_reason *ret_reason)
{
    struct kn_topology *topology = NULL;
    struct kn_count_reason reason = {.wanted = config->workers, .is_exact = config->is_exact};
    hwloc_topology_t hwloc;
    int pus;
    int rc = load(config->topology, &hwloc);

    if (rc < 0) {
        return rc;
    }
    pus = hwloc_get_nbobjs_by_type(hwloc, HWLOC_OBJ_PU);
    if (pus <= 0) {
        rc = -ENOTSUP;
        goto err_after_load;
    }
    reason.pus = (unsigned)pus;
    reason.quota = config->topology == NULL ? kn_cgroup_quota("") : 0;
    rc = -ENOMEM;
    topology = kn_alloc(sizeof(*topology), KN_CACHE_LINE, -1);
    if (topology == NULL) {
        goto err_after_load;
    }
    memset(topology, 0, sizeof(*topology));
    topology->workers = kn_worker_count(&reason);
    topology->pus = reason.pus;
    topology->nodes = (unsigned)hwloc_get_nbobjs_by_type(hwloc, HWLOC_OBJ_NUMANODE);
    topology->affinity = config->affinity;
    topology->is_real = hwloc_topology_is_thissystem(hwloc) != 0;
    topology->places = kn_alloc(topology->workers * sizeof(struct kn_place), KN_CACHE_LINE, -1);
    if (topology->places == NULL) {
        goto err_after_topology;
    }
    plan(topology, hwloc);
    if (topology->affinity == KN_AFFINITY_NONE || !topology->is_real) {
        hwloc_topology_destroy(hwloc);
    } else {
        topology->hwloc = hwloc;
    }
    *ret_topology = topology;
    *ret_reason = reason;
    return 0;

err_after_topology:
    kn_free(topology, sizeof(*topology), KN_CACHE_LINE);
err_after_load:
    hwloc_topology_destroy(hwloc);
    KN_ASSERT(rc < 0);
    return rc;
}

int kn_topology_new(const struct kn_sched_config *config, struct kn_topology **ret_topology,
                    struct kn_count_reason *ret_reason)
{
    struct kn_count_reason reason = {.wanted = config->workers, .is_exact = config->is_exact};
    int rc;

    reason.pus = kn_world_cpus();
    if (kn_unlikely(reason.pus > 0)) {
        rc = plan_simulated(&reason, ret_topology);
        *ret_reason = reason;
        return rc;
    }
    kn_unseen_begin();
    rc = plan_real(config, ret_topology, ret_reason);
    kn_unseen_end();
    return rc;
}

void kn_topology_free(struct kn_topology *topology)
{
    if (topology == NULL) {
        return;
    }
    if (topology->hwloc != NULL) {
        kn_unseen_begin();
        hwloc_topology_destroy((hwloc_topology_t)topology->hwloc);
        kn_unseen_end();
    }
    kn_free(topology->places, topology->workers * sizeof(struct kn_place), KN_CACHE_LINE);
    kn_free(topology, sizeof(*topology), KN_CACHE_LINE);
}

/* ---- distances ----------------------------------------------------------------------------- */

enum kn_ring kn_place_distance(const struct kn_place *a, const struct kn_place *b)
{
    if (a->core >= 0 && a->core == b->core) {
        return KN_RING_CORE;
    }
    if (a->cache >= 0 && a->cache == b->cache) {
        return KN_RING_CACHE;
    }
    return a->node == b->node ? KN_RING_NODE : KN_RING_REMOTE;
}

void kn_topology_victims(const struct kn_topology *topology, unsigned index, uint16_t *victims,
                         uint16_t ring_end[KN_RING_COUNT])
{
    uint16_t count = 0;

    KN_ASSERT(index < topology->workers);
    for (unsigned ring = 0; ring < KN_RING_COUNT; ring++) {
        for (unsigned other = 0; other < topology->workers; other++) {
            if (other != index &&
                kn_place_distance(&topology->places[index], &topology->places[other]) ==
                    (enum kn_ring)ring) {
                victims[count++] = (uint16_t)other;
            }
        }
        ring_end[ring] = count;
    }
    KN_ASSERT(count == topology->workers - 1);
}

void kn_topology_bind(struct kn_topology *topology, unsigned index, int *bound_cpu)
{
    const struct kn_place *place = &topology->places[index];
    hwloc_bitmap_t set;

    kn_alloc_home(place->node_os);
    if (topology->hwloc == NULL || place->cpu < 0 || place->cpu == *bound_cpu) {
        return;
    }
    kn_unseen_begin();
    set = hwloc_bitmap_alloc();
    if (set != NULL) { /* else: an unbound thread runs as well */
        hwloc_bitmap_only(set, (unsigned)place->cpu);
        if (hwloc_set_cpubind((hwloc_topology_t)topology->hwloc, set, HWLOC_CPUBIND_THREAD) == 0) {
            *bound_cpu = place->cpu;
        }
        hwloc_bitmap_free(set);
    }
    kn_unseen_end();
}
