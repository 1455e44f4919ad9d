/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view is one allocation that nobody writes after it has been published: members by position, the random rings
 * of the shape, the edges (neighbours of i are edges[offsets[i]] to edges[offsets[i + 1] - 1]; a mesh has none
 * written down), and a table from handles to positions.
 */
#ifndef KN_ORCHESTRATION_TOPOLOGY_H
#define KN_ORCHESTRATION_TOPOLOGY_H

#include "actors/kn_rcu.h"
#include "base/atomic.h"

#include <koken/topology.h>

enum {
    KN_TOPOLOGY_MAX = 65535,
    KN_TREE_DEGREE_MAX = 64,
    KN_DEGREE_MAX = 32,
    KN_RINGS_MAX = KN_DEGREE_MAX / 2,
    KN_NO_POSITION = -1,
};

struct koken_view {
    kn_atomic(uint32_t) owners; /* (a) the topology, and those who opened it */
    struct kn_rcu_head head;    /* the topology's, once it has another view */
    size_t size;                /* (c) of this allocation, as all below */
    struct koken_topology_options options;
    uint64_t version;
    uint64_t random; /* for the next change */
    uint32_t count, ring_count, table_mask;
    uint32_t ring_length[KN_RINGS_MAX];
    koken_ref *members;
    uint32_t *rings; /* count places for each ring */
    uint32_t *offsets, *edges;
    uint32_t *table; /* position + 1; 0 empty */
};

/* What is different in the next view. */
struct kn_change {
    const unsigned char *is_gone; /* by position; NULL: nobody */
    const koken_ref *added;
    uint32_t added_count;
};

/* The view after a change. Errors: -EINVAL, -EALREADY, -E2BIG, -ENOMEM. */
int kn_view_derive(const struct koken_view *old, const struct kn_change *change,
                   struct koken_view **ret_view);

/* A view without members. The options have been checked and filled in. Errors: -ENOMEM. */
int kn_view_new(const struct koken_topology_options *options, struct koken_view **ret_view);

struct koken_view *kn_view_ref(const struct koken_view *view);

int kn_view_position(const struct koken_view *view, koken_ref who);

uint32_t kn_view_degree(const struct koken_view *view, uint32_t position);
uint32_t kn_view_neighbour(const struct koken_view *view, uint32_t position, uint32_t which);

/*
 * The tree of shortest ways from root: order is all positions, nearer ones first, parent[i] the position before
 * position i (root's is its own), depth[i] its hops. Neighbours are taken in their order.
 */
void kn_view_tree(const struct koken_view *view, uint32_t root, uint32_t *order, uint32_t *parent,
                  uint32_t *depth);

#endif
