/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of every shape, whoever has come and gone: edges go both ways, nobody is its own neighbour, everybody can be
 * reached, the table finds everybody; and of each that a change moves no more than it must (T056).
 */
#include "orchestration/topology.h"
#include "test/support/runtime.h"

static const enum koken_shape shapes[] = {KOKEN_MESH,       KOKEN_RING,  KOKEN_STAR,
                                          KOKEN_TREE,       KOKEN_TORUS, KOKEN_RANDOM_REGULAR,
                                          KOKEN_SMALL_WORLD};
enum { SHAPES = sizeof shapes / sizeof shapes[0], MOST = 100 };

/* Handles of nobody that lives: views do not care. */
static koken_ref name(uint64_t i)
{
    return (koken_ref){(UINT64_C(1) << 32) + i * 7};
}

static struct koken_view *view_of(struct koken_topology_options o, uint32_t count)
{
    struct koken_view *none, *view;
    koken_ref members[MOST];
    struct kn_change change = {.added = members, .added_count = count};
    o.degree = o.degree ? o.degree : (o.shape == KOKEN_TREE ? 2 : 4);
    o.columns = o.columns ? o.columns : 4;
    o.shortcut_percent = 25;
    o.seed = o.seed ? o.seed : 7;
    cr_assert_leq(count, MOST);
    for (uint32_t i = 0; i < count; i++) {
        members[i] = name(i);
    }
    cr_assert_eq(kn_view_new(&o, &none), 0);
    cr_assert_eq(kn_view_derive(none, &change, &view), 0);
    koken_view_close(none);
    return view;
}

static bool are_neighbours(const struct koken_view *view, uint32_t i, uint32_t j)
{
    for (uint32_t e = 0; e < kn_view_degree(view, i); e++) {
        if (kn_view_neighbour(view, i, e) == j) {
            return true;
        }
    }
    return false;
}

static void check(const struct koken_view *view)
{
    uint32_t order[MOST], parent[MOST], depth[MOST], edges = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        cr_assert_eq(kn_view_position(view, view->members[i]), (int)i);
        for (uint32_t e = 0; e < kn_view_degree(view, i); e++) {
            uint32_t j = kn_view_neighbour(view, i, e);
            cr_assert(j < view->count && j != i);
            cr_assert(are_neighbours(view, j, i), "%u knows %u, but not the other way", i, j);
            edges++;
        }
    }
    if (view->count > 0) {
        for (uint32_t i = 0; i < view->count; i++) {
            parent[i] = UINT32_MAX;
        }
        kn_view_tree(view, view->count / 2, order, parent,
                     depth); /* asserts that all are reached */
        for (uint32_t i = 0; i < view->count; i++) {
            cr_assert_neq(parent[i], UINT32_MAX, "%u of %u is cut off", i, view->count);
        }
        cr_assert(edges >= 2 * (view->count - 1));
    }
}

static struct koken_view *without(struct koken_view *old, uint32_t position)
{
    unsigned char gone[MOST] = {0};
    struct kn_change change = {.is_gone = gone};
    struct koken_view *view;
    gone[position] = 1;
    cr_assert_eq(kn_view_derive(old, &change, &view), 0);
    cr_assert_eq(view->version, old->version + 1);
    koken_view_close(old);
    return view;
}

static struct koken_view *with(struct koken_view *old, koken_ref who)
{
    struct kn_change change = {.added = &who, .added_count = 1};
    struct koken_view *view;
    cr_assert_eq(kn_view_derive(old, &change, &view), 0);
    koken_view_close(old);
    return view;
}

Test(topology_view, every_size_of_every_shape_is_whole)
{
    for (unsigned s = 0; s < SHAPES; s++) {
        for (uint32_t count = 0; count <= 40; count++) {
            struct koken_view *view =
                view_of((struct koken_topology_options){.shape = shapes[s]}, count);
            cr_assert_eq(view->count, count);
            check(view);
            koken_view_close(view);
        }
    }
}

Test(topology_view, stays_whole_whoever_comes_and_goes)
{
    for (unsigned s = 0; s < SHAPES; s++) {
        struct koken_view *view = view_of((struct koken_topology_options){.shape = shapes[s]}, 20);
        uint64_t random = kn_random_seed(s + 1), next = 1000;
        for (unsigned i = 0; i < 300; i++) {
            bool is_leaving = view->count > 0 && (view->count == MOST || kn_random(&random) % 2);
            if (is_leaving) {
                uint32_t position = (uint32_t)(kn_random(&random) % view->count);
                koken_ref who = view->members[position];
                view = without(view, position);
                cr_assert_eq(kn_view_position(view, who), KN_NO_POSITION);
            } else {
                view = with(view, name(next));
                cr_assert_eq(kn_view_position(view, name(next++)), (int)view->count - 1);
            }
            check(view);
        }
        koken_view_close(view);
    }
}

/* Edges between members that both stay, and are in one view only. */
static unsigned edges_lost(const struct koken_view *before, const struct koken_view *after)
{
    unsigned lost = 0;
    for (uint32_t i = 0; i < before->count; i++) {
        int here = kn_view_position(after, before->members[i]);
        for (uint32_t e = 0; here >= 0 && e < kn_view_degree(before, i); e++) {
            int there = kn_view_position(after, before->members[kn_view_neighbour(before, i, e)]);
            lost += there >= 0 && !are_neighbours(after, (uint32_t)here, (uint32_t)there);
        }
    }
    return lost / 2;
}

Test(topology_view, who_goes_takes_few_edges_along)
{
    /* By shape: edges between others that a removal may cost. */
    const unsigned allowed[SHAPES] = {0, 0, 0, 3, 4, 0, 2};
    for (unsigned s = 0; s < SHAPES; s++) {
        for (uint32_t gone = 1; gone < 24;
             gone++) { /* not the hub of a star, which has all edges */
            struct koken_topology_options o = {.shape = shapes[s], .columns = 5};
            struct koken_view *before = view_of(o, 25);
            struct koken_view *after = without(kn_view_ref(before), gone);
            cr_assert(edges_lost(before, after) <= allowed[s],
                      "shape %u, without %u: %u edges lost", s, gone, edges_lost(before, after));
            koken_view_close(before);
            koken_view_close(after);
        }
    }
}

Test(topology_view, shapes_are_what_they_are_called)
{
    struct koken_view *view = view_of((struct koken_topology_options){.shape = KOKEN_RING}, 10);
    cr_assert(are_neighbours(view, 9, 0) && are_neighbours(view, 4, 5));
    view = without(view, 5); /* 4 and 6 close the gap */
    cr_assert_eq(koken_view_member(view, 5).id, name(6).id);
    cr_assert(are_neighbours(view, 4, 5));
    koken_view_close(view);

    view = view_of((struct koken_topology_options){.shape = KOKEN_STAR}, 10);
    cr_assert_eq(kn_view_degree(view, 0), 9);
    cr_assert_eq(kn_view_degree(view, 3), 1);
    view = without(view, 0); /* the second member inherits */
    cr_assert_eq(koken_view_member(view, 0).id, name(1).id);
    cr_assert_eq(kn_view_degree(view, 0), 8);
    koken_view_close(view);

    view = view_of((struct koken_topology_options){.shape = KOKEN_TREE, .degree = 3}, 13);
    cr_assert_eq(kn_view_degree(view, 0), 3);
    cr_assert_eq(kn_view_degree(view, 1), 4);
    cr_assert_eq(kn_view_degree(view, 12), 1);
    koken_view_close(view);

    view = view_of((struct koken_topology_options){.shape = KOKEN_TORUS, .columns = 5}, 20);
    for (uint32_t i = 0; i < 20; i++) {
        cr_assert_eq(kn_view_degree(view, i), 4);
    }
    cr_assert(are_neighbours(view, 0, 4) && are_neighbours(view, 0, 15));
    koken_view_close(view);
}

Test(topology_view, random_graphs_are_regular_narrow_and_the_same_again)
{
    struct koken_topology_options o = {.shape = KOKEN_RANDOM_REGULAR, .degree = 6};
    struct koken_view *view = view_of(o, MOST), *again = view_of(o, MOST);
    uint32_t order[MOST], parent[MOST], depth[MOST], full = 0;
    for (uint32_t i = 0; i < MOST; i++) {
        cr_assert(kn_view_degree(view, i) >= 2 && kn_view_degree(view, i) <= 6);
        full += kn_view_degree(view, i) == 6;
        cr_assert_eq(kn_view_degree(view, i), kn_view_degree(again, i));
    }
    cr_assert(full > 70, "%u of 100 have six neighbours", full);
    kn_view_tree(view, 0, order, parent, depth);
    cr_assert(depth[order[MOST - 1]] <= 5, "%u hops", depth[order[MOST - 1]]);
    koken_view_close(view);
    koken_view_close(again);

    view = view_of((struct koken_topology_options){.shape = KOKEN_SMALL_WORLD}, MOST);
    cr_assert(view->ring_length[0] > 10 && view->ring_length[0] < 45);
    kn_view_tree(view, 0, order, parent, depth);
    cr_assert(depth[order[MOST - 1]] < 20, "%u hops", depth[order[MOST - 1]]); /* 25 without */
    koken_view_close(view);
}

Test(topology_view, bad_members)
{
    struct koken_view *view = view_of((struct koken_topology_options){.shape = KOKEN_MESH}, 3),
                      *next;
    koken_ref bad[2] = {name(50), KOKEN_NOBODY};
    struct kn_change change = {.added = bad, .added_count = 2};
    cr_assert_eq(kn_view_derive(view, &change, &next), -EINVAL);
    bad[1] = name(50);
    cr_assert_eq(kn_view_derive(view, &change, &next), -EALREADY);
    bad[1] = name(2);
    cr_assert_eq(kn_view_derive(view, &change, &next), -EALREADY);
    koken_view_close(view);
}
