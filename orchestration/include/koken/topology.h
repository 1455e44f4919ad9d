/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topologies: who knows whom. A topology is a set of agents and a shape; the shape says which of them
 * are neighbours, and keeps saying so as members come, go and die.
 *
 *     struct koken_topology_options ring = {.shape = KOKEN_RING};
 *     struct koken_topology *nodes;
 *     int rc = koken_topology_new(rt, &ring, refs, 10, &nodes);
 *     struct koken_view *view = koken_view_open(nodes);
 *     rc = koken_view_next_hop(view, refs[0], refs[7], &hop);
 *
 * What is read is a view: the topology as it was at one moment, which never changes. A change makes
 * another view and publishes it; those who read go on with theirs. Everything along the edges (tell all,
 * sum up, gather) is a wave over a view: <koken/wave.h>.
 *
 *     | operation                        | new | free | add, remove, heal | view_open | of a view |
 *     | new, add, remove, heal, view_open|  -  |  X   |         -         |     -     |     -     |
 *     | free                             |  X  |  X   |         X         |     X     |     -     |
 *
 * Progress: opening a view is wait-free; a change is lock-free, and is made again if another came first.
 */
#ifndef KOKEN_TOPOLOGY_H
#define KOKEN_TOPOLOGY_H

#include <koken/agent.h>
#include <koken/error.h>
#include <koken/registry.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum koken_shape {
    KOKEN_MESH, /* everybody knows everybody */
    KOKEN_RING, /* each the one before and the one behind; a removal joins these two */
    KOKEN_STAR, /* the first member knows all others; when it goes, the next one is the hub */
    KOKEN_TREE, /* each has `degree` children; who goes is replaced by the last leaf */
    KOKEN_TORUS, /* a grid of `columns`, closed in both directions; who goes is replaced by the last */
    /* As many random rings as half of `degree`: connected whoever comes and goes, and few hops wide. Two
     * rings may share an edge, so some members have less than `degree` neighbours. */
    KOKEN_RANDOM_REGULAR,
    /* A ring in which each knows the `degree` nearest, and some members, by chance, are on a second,
     * random ring of shortcuts. */
    KOKEN_SMALL_WORLD,
    KOKEN_SHAPE_COUNT_
};

/* Zero is the default of every field. */
struct koken_topology_options {
    size_t struct_size;
    enum koken_shape shape;
    uint32_t
        degree; /* tree: 1 to 64, default 2; random and small world: 2 to 32, even, default 4 */
    uint32_t
        columns; /* torus: default the square root of the first number of members, rounded up */
    uint32_t shortcut_percent; /* small world: of members with shortcuts; default 25 */
    uint64_t seed;             /* of what is left to chance; default from the system */
};

struct koken_topology;

/*
 * koken_topology_new(where, options, members, count, &topology) makes a topology of these agents, in their
 * order. where is a runtime or a context; options NULL is a mesh; there may be no members yet.
 * Owner: the topology is yours; free it. It must not be changed once the runtime has stopped.
 * Errors: -EINVAL an option out of its bounds, or a member is nobody; -EALREADY a member is there twice;
 * -E2BIG more than 65535 members; -ENOMEM. Thread: any.
 */
#define koken_topology_new(where, options, members, count, ret_topology)                           \
    koken_topology_new_(KOKEN_RT_OF_(where), (options), (members), (count), (ret_topology))
KOKEN_MUST_USE int koken_topology_new_(struct koken *rt,
                                       const struct koken_topology_options *options,
                                       const koken_ref *members, size_t count,
                                       struct koken_topology **ret_topology);

/* koken_topology_free ends a topology. Views of it live on. NULL: nothing. */
void koken_topology_free(struct koken_topology *topology);

/*
 * koken_topology_add makes who a member, at the end. Errors: -EALREADY it is one; -EINVAL nobody; -E2BIG;
 * -ENOMEM. Thread: any. Cost: O(members and edges), for a new view.
 */
KOKEN_MUST_USE int koken_topology_add(struct koken_topology *topology, koken_ref who);

/* koken_topology_remove takes who out, and mends the shape. Errors: -ESRCH; -ENOMEM. Thread: any. */
KOKEN_MUST_USE int koken_topology_remove(struct koken_topology *topology, koken_ref who);

/*
 * koken_topology_heal takes out all members that have ended. Answers how many. Errors: -ENOMEM.
 * Thread: any.
 */
KOKEN_MUST_USE int koken_topology_heal(struct koken_topology *topology);

/* A topology at one moment. */
struct koken_view;

/*
 * koken_view_open takes hold of the present view. Owner: yours; koken_view_close it.
 * Thread: any. Order: a change whose call has returned is in every view opened after that.
 */
struct koken_view *koken_view_open(struct koken_topology *topology);
void koken_view_close(struct koken_view *view);

/* koken_view_count is the number of members; koken_view_version rises with each change. */
uint32_t koken_view_count(const struct koken_view *view);
uint64_t koken_view_version(const struct koken_view *view);

/* koken_view_member is the member at index, nobody beyond the last. */
koken_ref koken_view_member(const struct koken_view *view, size_t index);

/* koken_view_index answers the index of a member. Errors: -ESRCH. Cost: O(1). */
KOKEN_MUST_USE int koken_view_index(const struct koken_view *view, koken_ref who);

/*
 * koken_view_neighbours copies the neighbours of a member, n at most. Answers how many there are, which may be
 * more than n. Errors: -ESRCH who is no member; -EINVAL.
 */
KOKEN_MUST_USE int koken_view_neighbours(const struct koken_view *view, koken_ref who,
                                         koken_ref *ret_refs, uint32_t n);

/*
 * koken_view_next_hop answers the neighbour of from that is on a shortest way to `to`: always the same one.
 * Errors: -ESRCH one of them is no member; -EALREADY they are the same; -ENOMEM.
 * Cost: O(1) for mesh, ring and star, O(depth) for a tree, else O(members and edges).
 */
KOKEN_MUST_USE int koken_view_next_hop(const struct koken_view *view, koken_ref from, koken_ref to,
                                       koken_ref *ret_hop);

/* koken_view_distance answers the hops from one member to another. Errors: -ESRCH, -ENOMEM. */
KOKEN_MUST_USE int koken_view_distance(const struct koken_view *view, koken_ref from, koken_ref to);

/*
 * koken_view_depth answers the hops from a member to the farthest one; the largest depth of all members is the
 * diameter. Errors: -ESRCH, -ENOMEM.
 */
KOKEN_MUST_USE int koken_view_depth(const struct koken_view *view, koken_ref who);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
