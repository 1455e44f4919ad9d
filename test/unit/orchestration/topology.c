/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that changes from many threads and agents are all there in the end, that views that were opened before stay
 * as they were, that healing takes out the dead and nobody else, and what bad input answers.
 */
#include "test/support/runtime.h"

#include <koken/topology.h>

enum { MEMBERS = 64, THREADS = 4 };

struct idle {
    char nothing;
};
KOKEN_AGENT(idle, struct idle);

static koken_ref who[MEMBERS];

static void spawn_members(struct koken *rt)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        who[i] = koken_spawn(rt, idle);
    }
}

Test(topology, views_do_not_change)
{
    struct koken *rt = start(1);
    struct koken_topology *topology;
    struct koken_topology_options o = {.shape = KOKEN_RING};
    spawn_members(rt);
    cr_assert_eq(koken_topology_new(rt, &o, who, 10, &topology), 0);
    struct koken_view *before = koken_view_open(topology);
    cr_assert_eq(koken_topology_add(topology, who[10]), 0);
    cr_assert_eq(koken_topology_remove(topology, who[0]), 0);
    struct koken_view *after = koken_view_open(topology);
    cr_assert_eq(koken_view_count(before), 10);
    cr_assert_eq(koken_view_index(before, who[0]), 0);
    cr_assert_eq(koken_view_index(before, who[10]), -ESRCH);
    cr_assert_eq(koken_view_count(after), 10);
    cr_assert_eq(koken_view_index(after, who[0]), -ESRCH);
    cr_assert_eq(koken_view_index(after, who[10]), 9);
    cr_assert_eq(koken_view_version(after), koken_view_version(before) + 2);
    koken_topology_free(topology);
    koken_view_close(before);
    koken_view_close(after);
    stop(rt);
}

Test(topology, heals_what_has_died)
{
    for (int shape = 0; shape < KOKEN_SHAPE_COUNT_; shape++) {
        struct koken *rt = start(2);
        struct koken_topology *topology;
        struct koken_topology_options o = {.shape = (enum koken_shape)shape};
        spawn_members(rt);
        cr_assert_eq(koken_topology_new(rt, &o, who, MEMBERS, &topology), 0);
        cr_assert_eq(koken_topology_heal(topology), 0);
        for (unsigned i = 0; i < MEMBERS; i += 3) {
            cr_assert_eq(koken_exit(who[i]), 0);
        }
        drain(rt);
        cr_assert_eq(koken_topology_heal(topology), 22);
        cr_assert_eq(koken_topology_heal(topology), 0);
        struct koken_view *view = koken_view_open(topology);
        cr_assert_eq(koken_view_count(view), MEMBERS - 22);
        for (unsigned i = 0; i < MEMBERS; i++) {
            cr_assert_eq(koken_view_index(view, who[i]) >= 0, i % 3 != 0);
        }
        cr_assert_gt(koken_view_depth(view, who[1]), 0);
        koken_view_close(view);
        koken_topology_free(topology);
        stop(rt);
    }
}

struct changer {
    struct koken_topology *topology;
    uint32_t from;
};

/* Adds a share of the members, takes some out again, and looks all the while. */
static void work(const struct changer *self)
{
    for (uint32_t i = self->from; i < MEMBERS; i += THREADS) {
        expect(koken_topology_add(self->topology, who[i]) == 0);
        struct koken_view *view = koken_view_open(self->topology);
        expect(koken_view_index(view, who[i]) >= 0);
        koken_view_close(view);
        if (i % 8 < THREADS) {
            expect(koken_topology_remove(self->topology, who[i]) == 0);
        }
    }
}

static void thread_body(void *arg)
{
    work(arg);
}

static int agent_body(koken_ctx *ctx, struct changer *self, const void *arg)
{
    (void)ctx;
    (void)self;
    work(arg);
    return 0;
}

KOKEN_FIBER(changer, struct changer, agent_body);

Test(topology, changes_of_many_are_all_there)
{
    struct koken *rt = start(2);
    struct koken_topology *topology;
    struct koken_topology_options o = {.shape = KOKEN_RANDOM_REGULAR};
    struct changer changers[THREADS];
    struct kn_thread threads[2] = {{0}};
    spawn_members(rt);
    cr_assert_eq(koken_topology_new(rt, &o, NULL, 0, &topology), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        changers[i] = (struct changer){topology, i};
        if (i < 2) {
            cr_assert_eq(kn_thread_start(&threads[i], "changer", thread_body, &changers[i]), 0);
        } else {
            (void)koken_spawn(rt, changer, .arg = &changers[i], .arg_size = sizeof changers[i]);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        kn_thread_join(&threads[i]);
    }
    drain(rt);
    struct koken_view *view = koken_view_open(topology);
    cr_assert_eq(koken_view_count(view), MEMBERS / 2);
    cr_assert_eq(koken_view_version(view), 1 + MEMBERS + MEMBERS / 2);
    koken_view_close(view);
    koken_topology_free(topology);
    stop(rt);
}

Test(topology, bad_input)
{
    struct koken *rt = start(1);
    struct koken_topology *topology;
    static const struct koken_topology_options bad[] = {
        {.shape = KOKEN_SHAPE_COUNT_},
        {.struct_size = 1},
        {.shape = KOKEN_TREE, .degree = 65},
        {.shape = KOKEN_RANDOM_REGULAR, .degree = 3},
        {.shape = KOKEN_SMALL_WORLD, .degree = 34},
        {.shape = KOKEN_TORUS, .columns = 65536},
        {.shape = KOKEN_SMALL_WORLD, .shortcut_percent = 101},
    };
    spawn_members(rt);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(koken_topology_new(rt, &bad[i], who, 3, &topology), -EINVAL, "option %u", i);
    }
    koken_ref twice[2] = {who[0], who[0]}, nobody = KOKEN_NOBODY;
    cr_assert_eq(koken_topology_new(rt, NULL, twice, 2, &topology), -EALREADY);
    cr_assert_eq(koken_topology_new(rt, NULL, &nobody, 1, &topology), -EINVAL);
    cr_assert_eq(koken_topology_new(rt, NULL, NULL, 1, &topology), -EINVAL);
    cr_assert_eq(koken_topology_new(rt, NULL, who, 70000, &topology), -E2BIG);
    cr_assert_eq(koken_topology_new(rt, NULL, who, 2, &topology), 0);
    cr_assert_eq(koken_topology_add(topology, who[1]), -EALREADY);
    cr_assert_eq(koken_topology_add(topology, KOKEN_NOBODY), -EINVAL);
    cr_assert_eq(koken_topology_add(NULL, who[1]), -EINVAL);
    cr_assert_eq(koken_topology_remove(topology, who[2]), -ESRCH);
    cr_assert_eq(koken_topology_remove(topology, KOKEN_NOBODY), -ESRCH);
    cr_assert_eq(koken_topology_remove(NULL, who[1]), -EINVAL);
    cr_assert_eq(koken_topology_heal(NULL), -EINVAL);
    koken_topology_free(topology);
    koken_topology_free(NULL);
    stop(rt);
}
