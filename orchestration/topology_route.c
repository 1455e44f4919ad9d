/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a view: who is there, who is beside whom, and the way from one to another. */
#include "orchestration/topology.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <errno.h>

uint32_t koken_view_count(const struct koken_view *view)
{
    return view ? view->count : 0;
}

uint64_t koken_view_version(const struct koken_view *view)
{
    return view ? view->version : 0;
}

koken_ref koken_view_member(const struct koken_view *view, size_t index)
{
    return view && index < view->count ? view->members[index] : KOKEN_NOBODY;
}

int koken_view_index(const struct koken_view *view, koken_ref who)
{
    int position = view ? kn_view_position(view, who) : KN_NO_POSITION;
    return position < 0 ? -ESRCH : position;
}

uint32_t kn_view_degree(const struct koken_view *view, uint32_t position)
{
    KN_ASSERT(position < view->count);
    return view->options.shape == KOKEN_MESH
               ? view->count - 1
               : view->offsets[position + 1] - view->offsets[position];
}

uint32_t kn_view_neighbour(const struct koken_view *view, uint32_t position, uint32_t which)
{
    KN_ASSERT(which < kn_view_degree(view, position));
    if (view->options.shape == KOKEN_MESH) {
        return which < position ? which : which + 1;
    }
    return view->edges[view->offsets[position] + which];
}

int koken_view_neighbours(const struct koken_view *view, koken_ref who, koken_ref *ret_refs,
                          uint32_t n)
{
    if (!view || (!ret_refs && n)) {
        return -EINVAL;
    }
    int position = kn_view_position(view, who);
    if (position < 0) {
        return -ESRCH;
    }
    uint32_t degree = kn_view_degree(view, (uint32_t)position);
    for (uint32_t i = 0; i < degree && i < n; i++) {
        ret_refs[i] = view->members[kn_view_neighbour(view, (uint32_t)position, i)];
    }
    return (int)degree;
}

void kn_view_tree(const struct koken_view *view, uint32_t root, uint32_t *order, uint32_t *parent,
                  uint32_t *depth)
{
    const uint32_t none = UINT32_MAX;
    uint32_t known = 1;
    KN_ASSERT(root < view->count);
    for (uint32_t i = 0; i < view->count; i++) {
        parent[i] = none;
    }
    order[0] = root;
    parent[root] = root;
    depth[root] = 0;
    /* Ends early: in a mesh the first one knows all. */
    for (uint32_t next = 0; next < known && known < view->count; next++) {
        uint32_t here = order[next], degree = kn_view_degree(view, here);
        for (uint32_t i = 0; i < degree; i++) {
            uint32_t other = kn_view_neighbour(view, here, i);
            if (parent[other] == none) {
                parent[other] = here;
                depth[other] = depth[here] + 1;
                order[known++] = other;
            }
        }
    }
    KN_ASSERT(known == view->count); /* every shape is connected */
}

/* The tree of ways to `to`, as three arrays in one allocation; NULL: no memory. */
static uint32_t *ways_to(const struct koken_view *view, uint32_t to)
{
    uint32_t *three = kn_alloc(3 * (size_t)view->count * sizeof *three, _Alignof(uint32_t), -1);
    if (three) {
        kn_view_tree(view, to, three, three + view->count, three + 2 * (size_t)view->count);
    }
    return three;
}

static void free_ways(const struct koken_view *view, uint32_t *three)
{
    kn_free(three, 3 * (size_t)view->count * sizeof *three, _Alignof(uint32_t));
}

/* In a tree whose places are numbered by rows: down, if `to` is below, else up. */
static uint32_t hop_in_tree(uint32_t degree, uint32_t from, uint32_t to)
{
    uint32_t below = to;
    while (below > from) { /* ends: parents have smaller numbers */
        uint32_t above = (below - 1) / degree;
        if (above == from) {
            return below;
        }
        below = above;
    }
    KN_ASSERT(from > 0);
    return (from - 1) / degree;
}

static uint32_t hop_in_ring(uint32_t count, uint32_t from, uint32_t to)
{
    uint32_t ahead = (to + count - from) % count;
    return 2 * ahead <= count ? (from + 1) % count : (from + count - 1) % count;
}

static int hop(const struct koken_view *view, uint32_t from, uint32_t to)
{
    switch (view->options.shape) {
    case KOKEN_MESH: return (int)to;
    case KOKEN_RING: return (int)hop_in_ring(view->count, from, to);
    case KOKEN_STAR: return from == 0 ? (int)to : 0;
    case KOKEN_TREE: return (int)hop_in_tree(view->options.degree, from, to);
    case KOKEN_TORUS:
    case KOKEN_RANDOM_REGULAR:
    case KOKEN_SMALL_WORLD:
    case KOKEN_SHAPE_COUNT_: break;
    }
    uint32_t *three = ways_to(view, to);
    if (!three) {
        return -ENOMEM;
    }
    int next = (int)three[view->count + from];
    free_ways(view, three);
    return next;
}

int koken_view_next_hop(const struct koken_view *view, koken_ref from, koken_ref to,
                        koken_ref *ret_hop)
{
    if (!view || !ret_hop) {
        return -EINVAL;
    }
    int source = kn_view_position(view, from), target = kn_view_position(view, to);
    if (source < 0 || target < 0) {
        return -ESRCH;
    }
    if (source == target) {
        return -EALREADY;
    }
    int next = hop(view, (uint32_t)source, (uint32_t)target);
    if (next < 0) {
        return next;
    }
    *ret_hop = view->members[next];
    return 0;
}

int koken_view_distance(const struct koken_view *view, koken_ref from, koken_ref to)
{
    int source = koken_view_index(view, from), target = koken_view_index(view, to);
    if (source < 0 || target < 0) {
        return -ESRCH;
    }
    uint32_t *three = ways_to(view, (uint32_t)target);
    if (!three) {
        return -ENOMEM;
    }
    int hops = (int)three[2 * (size_t)view->count + (uint32_t)source];
    free_ways(view, three);
    return hops;
}

int koken_view_depth(const struct koken_view *view, koken_ref who)
{
    int position = koken_view_index(view, who);
    if (position < 0) {
        return -ESRCH;
    }
    uint32_t *three = ways_to(view, (uint32_t)position);
    if (!three) {
        return -ENOMEM;
    }
    int depth = (int)three[2 * (size_t)view->count + three[view->count - 1]];
    free_ways(view, three);
    return depth;
}
