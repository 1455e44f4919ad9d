/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that who follows the next hops arrives, in as many hops as the distance says, in every shape; that diameters
 * are those of the books; and what bad arguments answer.
 */
#include "test/support/runtime.h"

#include <koken/topology.h>

enum { MEMBERS = 24 };

struct idle {
    char nothing;
};
KOKEN_AGENT(idle, struct idle);

static koken_ref who[MEMBERS];

static struct koken_view *view_of(struct koken *rt, struct koken_topology_options o)
{
    struct koken_topology *topology;
    o.seed = 5;
    cr_assert_eq(koken_topology_new(rt, &o, who, MEMBERS, &topology), 0);
    struct koken_view *view = koken_view_open(topology);
    koken_topology_free(topology); /* views live on */
    return view;
}

static int diameter(const struct koken_view *view)
{
    int most = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        int depth = koken_view_depth(view, who[i]);
        most = depth > most ? depth : most;
    }
    return most;
}

static void follow(const struct koken_view *view, koken_ref from, koken_ref to)
{
    int distance = koken_view_distance(view, from, to), hops = 0;
    while (!koken_ref_equal(from, to)) {
        koken_ref beside[MEMBERS], next;
        int rc = koken_view_next_hop(view, from, to, &next);
        cr_assert_eq(rc, 0);
        int degree = koken_view_neighbours(view, from, beside, MEMBERS);
        bool is_beside = false;
        for (int i = 0; i < degree; i++) {
            is_beside |= koken_ref_equal(beside[i], next);
        }
        cr_assert(is_beside);
        from = next;
        hops++;
        cr_assert(hops <= distance);
    }
    cr_assert_eq(hops, distance);
}

Test(topology_route, next_hops_lead_there_by_a_shortest_way)
{
    struct koken *rt = start(1);
    const int diameters[] = {1, 12, 2, 8, 5, 0, 0};
    for (unsigned i = 0; i < MEMBERS; i++) {
        who[i] = koken_spawn(rt, idle);
    }
    for (int shape = 0; shape < KOKEN_SHAPE_COUNT_; shape++) {
        struct koken_view *view = view_of(
            rt, (struct koken_topology_options){.shape = (enum koken_shape)shape, .columns = 6});
        for (unsigned i = 0; i < MEMBERS; i++) {
            for (unsigned j = 0; j < MEMBERS; j++) {
                follow(view, who[i], who[j]);
            }
        }
        cr_assert(diameters[shape] == 0 || diameter(view) == diameters[shape], "shape %d: %d",
                  shape, diameter(view));
        koken_view_close(view);
    }
    stop(rt);
}

Test(topology_route, bad_arguments)
{
    struct koken *rt = start(1);
    koken_ref hop, stranger = koken_spawn(rt, idle);
    for (unsigned i = 0; i < MEMBERS; i++) {
        who[i] = koken_spawn(rt, idle);
    }
    struct koken_view *view = view_of(rt, (struct koken_topology_options){.shape = KOKEN_RING});
    cr_assert_eq(koken_view_count(view), MEMBERS);
    cr_assert_eq(koken_view_count(NULL), 0);
    cr_assert_eq(koken_view_version(view), 1);
    cr_assert(koken_is_nobody(koken_view_member(view, MEMBERS)));
    cr_assert_eq(koken_view_index(view, who[3]), 3);
    cr_assert_eq(koken_view_index(view, stranger), -ESRCH);
    cr_assert_eq(koken_view_index(view, KOKEN_NOBODY), -ESRCH);
    cr_assert_eq(koken_view_neighbours(view, stranger, &hop, 1), -ESRCH);
    cr_assert_eq(koken_view_neighbours(view, who[0], NULL, 1), -EINVAL);
    cr_assert_eq(koken_view_neighbours(view, who[0], NULL, 0), 2);
    cr_assert_eq(koken_view_next_hop(view, who[0], stranger, &hop), -ESRCH);
    cr_assert_eq(koken_view_next_hop(view, who[0], who[0], &hop), -EALREADY);
    cr_assert_eq(koken_view_next_hop(NULL, who[0], who[1], &hop), -EINVAL);
    cr_assert_eq(koken_view_distance(view, stranger, who[0]), -ESRCH);
    cr_assert_eq(koken_view_depth(view, stranger), -ESRCH);
    koken_view_close(view);
    koken_view_close(NULL);
    stop(rt);
}
