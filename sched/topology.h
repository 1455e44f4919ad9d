/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where workers live: how many, on which processors, and how far apart. From hwloc, loaded once at
 * start.
 *
 * hwloc is used to choose victims and memory, not to bind threads; binding is opt-in
 * (KN_AFFINITY_CORE). A synthetic description ("numa:2 core:4 pu:1", also HWLOC_SYNTHETIC in the
 * environment) stands in for the machine in tests; binding then does nothing.
 */
#ifndef KN_SCHED_TOPOLOGY_H
#define KN_SCHED_TOPOLOGY_H

#include "sched/sched.h"

#include <stdbool.h>
#include <stdint.h>

/* How near two workers are: they share a core, a last-level cache, a NUMA node, or nothing. */
enum kn_ring { KN_RING_CORE, KN_RING_CACHE, KN_RING_NODE, KN_RING_REMOTE, KN_RING_COUNT };

struct kn_place {
    int cpu;  /* OS index of the PU, -1: none left, shares with others */
    int core; /* logical indices, -1: the machine does not say */
    int cache;
    int node;
    int node_os; /* as base/alloc.h counts */
};

struct kn_topology {
    void *hwloc;             /* hwloc_topology_t, kept only for binding */
    struct kn_place *places; /* one per worker */
    unsigned workers;
    unsigned pus; /* PUs that this process may use */
    unsigned nodes;
    enum kn_affinity affinity;
    bool is_real; /* of this machine, not synthetic */
};

/* Why there are as many workers as there are. */
struct kn_count_reason {
    unsigned pus;     /* allowed by affinity */
    unsigned quota;   /* whole CPUs of the cgroup's quota, at least 1; 0: no quota */
    unsigned wanted;  /* configured, 0: not */
    bool is_exact;    /* configured, whatever the machine has */
    unsigned workers; /* the result */
};

/*
 * Loads the topology and plans workers on it: cores first, then their second threads, in logical
 * order, so that neighbours by index are neighbours in the machine. Errors: -ENOMEM; -EINVAL the
 * synthetic description; -ENOTSUP hwloc found no processor.
 */
KOKEN_MUST_USE int kn_topology_new(const struct kn_sched_config *config,
                                   struct kn_topology **ret_topology,
                                   struct kn_count_reason *ret_reason);
void kn_topology_free(struct kn_topology *topology);

/* The smallest ring in which two places meet. */
enum kn_ring kn_place_distance(const struct kn_place *a, const struct kn_place *b);

/*
 * All workers but index, nearest ring first, in `victims` (workers - 1 entries); where rings end,
 * in ring_end.
 */
void kn_topology_victims(const struct kn_topology *topology, unsigned index, uint16_t *victims,
                         uint16_t ring_end[KN_RING_COUNT]);

/* The thread now runs this worker: binds it if asked to, and its memory. *bound_cpu remembers. */
void kn_topology_bind(struct kn_topology *topology, unsigned index, int *bound_cpu);

/* min(affinity, quota, configured), or just configured if is_exact; at least 1. */
unsigned kn_worker_count(struct kn_count_reason *reason);

#endif
