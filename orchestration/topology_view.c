/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a view is made from the one before: who stays where, then the random rings, then the edges.
 *
 * Who stays where decides how little changes. In a ring, a star, a mesh and the random shapes the order is kept, so
 * that the two beside a gap become neighbours, and the hub's heir is the second member. In trees and grids a place has
 * a meaning, so the last members move into the gaps and nobody else moves.
 *
 * Random rings stay as they are but for who comes and goes: who goes joins the two beside, who comes stands between
 * two at random (Law and Siu: a random regular graph as the union of rings stays one, and is connected, by this).
 */
#include "orchestration/topology.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"
#include "orchestration/hash.h"

#include <errno.h>
#include <string.h>

#define GONE UINT32_MAX

/* ---- memory ---------------------------------------------------------------------------------------- */

static uint32_t rings_of(const struct koken_topology_options *o)
{
    return o->shape == KOKEN_RANDOM_REGULAR ? o->degree / 2 : o->shape == KOKEN_SMALL_WORLD;
}

/* The most edges that a member has, on the average. */
static size_t edges_each(const struct koken_topology_options *o)
{
    switch (o->shape) {
    case KOKEN_MESH: return 0; /* not written down */
    case KOKEN_RING:
    case KOKEN_STAR:
    case KOKEN_TREE: return 2;
    case KOKEN_TORUS: return 4;
    case KOKEN_RANDOM_REGULAR: return o->degree;
    case KOKEN_SMALL_WORLD: return (size_t)o->degree + 2;
    case KOKEN_SHAPE_COUNT_: break;
    }
    return 0;
}

static struct koken_view *view_alloc(const struct koken_topology_options *o, uint32_t count)
{
    uint32_t slots = 2, rings = rings_of(o);
    while (slots < 2 * count) { /* ends: it doubles */
        slots *= 2;
    }
    size_t edges = edges_each(o) * count;
    size_t words = (size_t)rings * count + count + 1 + edges + slots;
    size_t size = kn_align_up(sizeof(struct koken_view) + count * sizeof(koken_ref) +
                                  words * sizeof(uint32_t),
                              _Alignof(struct koken_view));
    struct koken_view *view = kn_alloc(size, _Alignof(struct koken_view), /* node= */ -1);
    if (view) {
        memset(view, 0, size);
        kn_atomic_init(&view->owners, 1);
        view->size = size;
        view->options = *o;
        view->count = count;
        view->ring_count = rings;
        view->table_mask = slots - 1;
        view->members = (koken_ref *)(void *)(view + 1);
        view->rings = (uint32_t *)(void *)(view->members + count);
        view->offsets = view->rings + (size_t)rings * count;
        view->edges = view->offsets + count + 1;
        view->table = view->edges + edges;
    }
    return view;
}

int kn_view_new(const struct koken_topology_options *options, struct koken_view **ret_view)
{
    struct koken_view *view = view_alloc(options, 0);
    if (!view) {
        return -ENOMEM;
    }
    view->random = kn_random_seed(options->seed ? options->seed : kn_entropy());
    *ret_view = view;
    return 0;
}

static uint32_t below(struct koken_view *view, uint32_t limit)
{
    return (uint32_t)((kn_random(&view->random) >> 32) * limit >> 32);
}

/* ---- who is where ---------------------------------------------------------------------------------- */

static uint32_t *place_of(const struct koken_view *view, koken_ref who)
{
    uint32_t at = (uint32_t)kn_hash_mix(who.id) & view->table_mask;
    /* Ends: the table is at most half full. */
    while (view->table[at] && !koken_ref_equal(view->members[view->table[at] - 1], who)) {
        at = (at + 1) & view->table_mask;
    }
    return &view->table[at];
}

int kn_view_position(const struct koken_view *view, koken_ref who)
{
    return koken_is_nobody(who) ? KN_NO_POSITION : (int)*place_of(view, who) - 1;
}

/* Enters a member at a position. Errors: -EINVAL, -EALREADY. */
static int enter(struct koken_view *view, uint32_t position, koken_ref who)
{
    KN_ASSERT(position < view->count);
    if (koken_is_nobody(who)) {
        return -EINVAL;
    }
    uint32_t *place = place_of(view, who);
    if (*place) {
        return -EALREADY;
    }
    view->members[position] = who;
    *place = position + 1;
    return 0;
}

static bool is_gone(const struct kn_change *change, uint32_t position)
{
    return change->is_gone && change->is_gone[position];
}

/* Where each member of old is in a view with `kept` of them; GONE: nowhere. */
static void map_in_order(const struct koken_view *old, const struct kn_change *change,
                         uint32_t *map)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < old->count; i++) {
        map[i] = is_gone(change, i) ? GONE : next++;
    }
}

/* The same, where the last ones fill the gaps. */
static void map_into_gaps(const struct koken_view *old, const struct kn_change *change,
                          uint32_t kept, uint32_t *map)
{
    uint32_t last = old->count;
    for (uint32_t i = 0; i < old->count; i++) {
        map[i] = is_gone(change, i) ? GONE : i;
    }
    for (uint32_t i = 0; i < kept; i++) {
        if (is_gone(change, i)) {
            do { /* ends: as many behind `kept` stay as go before it */
                last--;
            } while (is_gone(change, last));
            KN_ASSERT(last >= kept);
            map[last] = i;
        }
    }
}

/* ---- random rings ---------------------------------------------------------------------------------- */

static void insert_into_ring(struct koken_view *view, uint32_t ring, uint32_t position)
{
    uint32_t *places = view->rings + (size_t)ring * view->count;
    uint32_t length = view->ring_length[ring]++;
    KN_ASSERT(length < view->count);
    uint32_t at = below(view, length + 1);
    memmove(&places[at + 1], &places[at], (length - at) * sizeof *places);
    places[at] = position;
}

/* The first members, all at once: the same as one after the other, but no places have to move. */
static void shuffle_into_ring(struct koken_view *view, uint32_t ring, uint32_t position)
{
    uint32_t *places = view->rings + (size_t)ring * view->count;
    uint32_t length = view->ring_length[ring]++;
    uint32_t at = below(view, length + 1);
    places[length] = places[at];
    places[at] = position;
}

static void derive_rings(struct koken_view *view, const struct koken_view *old, const uint32_t *map,
                         uint32_t kept)
{
    for (uint32_t ring = 0; ring < view->ring_count; ring++) {
        const uint32_t *from = old->rings + (size_t)ring * old->count;
        uint32_t *to = view->rings + (size_t)ring * view->count;
        for (uint32_t i = 0; i < old->ring_length[ring]; i++) {
            if (map[from[i]] != GONE) {
                to[view->ring_length[ring]++] = map[from[i]];
            }
        }
        for (uint32_t i = kept; i < view->count; i++) {
            if (view->options.shape == KOKEN_SMALL_WORLD &&
                below(view, 100) >= view->options.shortcut_percent) {
                continue;
            }
            if (kept == 0) {
                shuffle_into_ring(view, ring, i);
            } else {
                insert_into_ring(view, ring, i);
            }
        }
    }
}

/* ---- edges ----------------------------------------------------------------------------------------- */

/* i and j are neighbours: written down for i, once. Not for the hub of a star, which has no edge twice. */
static void add_edge(struct koken_view *view, uint32_t i, uint32_t j)
{
    uint32_t *end = &view->offsets[i + 1];
    for (uint32_t e = view->offsets[i]; e < *end; e++) {
        if (view->edges[e] == j) {
            return;
        }
    }
    if (i != j) {
        view->edges[(*end)++] = j;
    }
}

static void add_lattice(struct koken_view *view, uint32_t i, uint32_t reach)
{
    uint32_t n = view->count;
    for (uint32_t step = 1; step <= reach; step++) {
        add_edge(view, i, (uint32_t)(((uint64_t)i + step) % n));
        add_edge(view, i, (uint32_t)(((uint64_t)i + n - step % n) % n));
    }
}

static void add_tree(struct koken_view *view, uint32_t i)
{
    uint32_t k = view->options.degree;
    if (i > 0) {
        add_edge(view, i, (i - 1) / k);
    }
    for (uint64_t child = (uint64_t)i * k + 1; child <= (uint64_t)i * k + k; child++) {
        if (child < view->count) {
            add_edge(view, i, (uint32_t)child);
        }
    }
}

/* A grid by rows; the last row may be shorter, and its columns' circles pass it by. */
static void add_torus(struct koken_view *view, uint32_t i)
{
    uint32_t n = view->count, width = view->options.columns;
    uint32_t row = i / width, column = i % width, rows = (n + width - 1) / width;
    uint32_t first = row * width, length = n - first < width ? n - first : width;
    uint32_t height = (rows - 1) * width + column < n ? rows : rows - 1;
    add_edge(view, i, first + (column + 1) % length);
    add_edge(view, i, first + (column + length - 1) % length);
    add_edge(view, i, (row + 1) % height * width + column);
    add_edge(view, i, (row + height - 1) % height * width + column);
}

static void add_star(struct koken_view *view, uint32_t i)
{
    if (i > 0) {
        add_edge(view, i, 0);
    }
    for (uint32_t j = 1; i == 0 && j < view->count; j++) {
        view->edges[view->offsets[1]++] = j;
    }
}

static void write_edges(struct koken_view *view, const uint32_t *beside)
{
    const struct koken_topology_options *o = &view->options;
    for (uint32_t i = 0; i < view->count; i++) {
        view->offsets[i + 1] = view->offsets[i];
        switch (o->shape) {
        case KOKEN_RING: add_lattice(view, i, 1); break;
        case KOKEN_STAR: add_star(view, i); break;
        case KOKEN_TREE: add_tree(view, i); break;
        case KOKEN_TORUS: add_torus(view, i); break;
        case KOKEN_SMALL_WORLD: add_lattice(view, i, o->degree / 2); break;
        case KOKEN_MESH:
        case KOKEN_RANDOM_REGULAR:
        case KOKEN_SHAPE_COUNT_: break;
        }
        for (uint32_t ring = 0; ring < view->ring_count; ring++) {
            const uint32_t *two = &beside[2 * ((size_t)ring * view->count + i)];
            add_edge(view, i, two[0]);
            add_edge(view, i, two[1]);
        }
    }
}

/* Who is before and behind each member on each ring; who is not on it is beside itself. */
static void write_beside(const struct koken_view *view, uint32_t *beside)
{
    for (uint32_t ring = 0; ring < view->ring_count; ring++) {
        const uint32_t *places = view->rings + (size_t)ring * view->count;
        uint32_t *two = &beside[2 * (size_t)ring * view->count];
        uint32_t length = view->ring_length[ring];
        for (uint32_t i = 0; i < view->count; i++) {
            two[2 * i] = two[2 * i + 1] = i;
        }
        for (uint32_t i = 0; i < length; i++) {
            two[2 * places[i]] = places[(i + length - 1) % length];
            two[2 * places[i] + 1] = places[(i + 1) % length];
        }
    }
}

/* ---- all of it ------------------------------------------------------------------------------------- */

static int fill(struct koken_view *view, const struct koken_view *old,
                const struct kn_change *change, const uint32_t *map, uint32_t *beside)
{
    uint32_t kept = view->count - change->added_count;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < old->count; i++) {
        rc = map[i] == GONE ? 0 : enter(view, map[i], old->members[i]);
    }
    for (uint32_t i = 0; rc == 0 && i < change->added_count; i++) {
        rc = enter(view, kept + i, change->added[i]);
    }
    if (rc == 0) {
        view->random = old->random;
        view->version = old->version + 1;
        derive_rings(view, old, map, kept);
        write_beside(view, beside);
        write_edges(view, beside);
    }
    return rc;
}

int kn_view_derive(const struct koken_view *old, const struct kn_change *change,
                   struct koken_view **ret_view)
{
    uint32_t kept = old->count;
    for (uint32_t i = 0; i < old->count; i++) {
        kept -= is_gone(change, i);
    }
    if (kept + change->added_count > KN_TOPOLOGY_MAX) {
        return -E2BIG;
    }
    struct koken_view *view = view_alloc(&old->options, kept + change->added_count);
    size_t words = old->count + 2 * (size_t)rings_of(&old->options) * (kept + change->added_count);
    uint32_t *map = view ? kn_alloc((words + 1) * sizeof *map, _Alignof(uint32_t), -1) : NULL;
    int rc = map ? 0 : -ENOMEM;
    if (rc == 0) {
        enum koken_shape shape = old->options.shape;
        if (shape == KOKEN_TREE || shape == KOKEN_TORUS) {
            map_into_gaps(old, change, kept, map);
        } else {
            map_in_order(old, change, map);
        }
        rc = fill(view, old, change, map, map + old->count);
        kn_free(map, (words + 1) * sizeof *map, _Alignof(uint32_t));
    }
    if (rc < 0) {
        koken_view_close(view);
        return rc;
    }
    *ret_view = view;
    return 0;
}
