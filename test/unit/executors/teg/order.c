/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: the order of three items (T02), of a chain (T04), ready sets (T05), bottom levels, ties by cost and
 * index, and that costs saturate instead of wrapping.
 */
#include "executors/teg/order.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int nothing(struct koken_teg_call *call)
{
    (void)call;
    return 0;
}

static koken_teg_node add(struct koken_teg *teg, const char *id, uint64_t cost)
{
    return koken_teg_add(teg, &(struct koken_teg_effect){.id = id, .run = nothing, .cost = cost});
}

static void assert_order(const struct koken_teg *teg, const char *expected)
{
    koken_teg_node nodes[16];
    char text[200] = "", id[32];
    int count = koken_teg_order(teg, nodes, 16);
    cr_assert_eq(count, (int)koken_teg_count(teg));
    for (int i = 0; i < count; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
                       koken_teg_id(teg, nodes[i], id, sizeof id));
    }
    cr_assert_str_eq(text, expected);
}

/* T02: higher priority first, then the lower cost. */
Test(order, t02_priority_then_cost)
{
    static const uint64_t levels[] = {100, 200, 100}, costs[] = {200, 100, 50};
    uint32_t order[3], scratch[3];
    kn_teg_sort(levels, costs, 3, order, scratch);
    cr_assert_eq(order[0], 1);
    cr_assert_eq(order[1], 2);
    cr_assert_eq(order[2], 0);
}

Test(order, equal_items_keep_their_order)
{
    uint64_t levels[300], costs[300];
    uint32_t order[300], scratch[300];
    for (uint32_t i = 0; i < 300; i++) {
        levels[i] = UINT64_C(1) << i % 3 * 31;
        costs[i] = UINT64_MAX - i % 2;
    }
    kn_teg_sort(levels, costs, 300, order, scratch);
    for (uint32_t i = 1; i < 300; i++) {
        uint32_t a = order[i - 1], b = order[i];
        cr_assert(
            levels[a] > levels[b] ||
            (levels[a] == levels[b] && (costs[a] < costs[b] || (costs[a] == costs[b] && a < b))));
    }
}

/* T04: A -> B -> C. */
Test(order, t04_a_chain)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node c = add(teg, "C", 1), a = add(teg, "A", 1), b = add(teg, "B", 1);
    koken_teg_link(teg, a, b);
    koken_teg_link(teg, b, c);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    cr_assert_eq(teg->topo[0], 1);
    cr_assert_eq(teg->topo[1], 2);
    cr_assert_eq(teg->topo[2], 0);
    assert_order(teg, "A B C");
    koken_teg_free(teg);
}

/* T05: B depends on A: A is ready alone; after it B. */
Test(order, t05_ready_after_what_it_depends_on)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node b = add(teg, "B", 1000), a = add(teg, "A", 1);
    koken_teg_link(teg, a, b);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    koken_teg_node first;
    cr_assert_eq(koken_teg_order(teg, &first, 1), 1);
    cr_assert_eq(first.number, a.number);
    assert_order(teg, "A B");
    koken_teg_free(teg);
}

Test(order, the_longest_way_goes_first)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "a", 5), b = add(teg, "b", 1), c = add(teg, "c", 9),
                   d = add(teg, "d", 3);
    koken_teg_link(teg, b, c);
    (void)a;
    (void)d;
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    cr_assert_eq(teg->levels[0], 5);
    cr_assert_eq(teg->levels[1], 10);
    cr_assert_eq(teg->levels[2], 9);
    assert_order(teg, "b c a d");
    koken_teg_free(teg);
}

Test(order, costs_saturate)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "a", UINT64_MAX - 1), b = add(teg, "b", 5);
    koken_teg_link(teg, a, b);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    struct koken_teg_shape shape;
    cr_assert_eq(koken_teg_shape(teg, &shape), 0);
    cr_assert_eq(shape.critical_path_cost, UINT64_MAX);
    cr_assert_eq(shape.total_cost, UINT64_MAX);
    koken_teg_free(teg);
}

Test(order, needs_a_checked_graph)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node node;
    cr_assert_eq(koken_teg_order(teg, &node, 1), -EINVAL);
    koken_teg_free(teg);
}
