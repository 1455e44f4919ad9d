/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: what the builder takes and refuses, ids and keys, that a checked graph does not change, that memory
 * which cannot be had is told by the check, and that nothing leaks.
 */
#include "executors/teg/graph.h"

#include "base/alloc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int nothing(struct koken_teg_call *call)
{
    (void)call;
    return 0;
}

static const struct koken_teg_effect plain = {.run = nothing};

Test(graph, nodes_are_numbered_from_one)
{
    struct koken_teg *teg = koken_teg_new();
    char text[8];
    cr_assert_eq(koken_teg_add(teg, &plain).number, 1);
    cr_assert_eq(koken_teg_add(teg, &(struct koken_teg_effect){.run = nothing, .id = "b"}).number,
                 2);
    cr_assert_eq(koken_teg_count(teg), 2);
    cr_assert_eq(koken_teg_find(teg, "b").number, 2);
    cr_assert_eq(koken_teg_find(teg, "c").number, 0);
    cr_assert_str_eq(koken_teg_id(teg, (koken_teg_node){1}, text, sizeof text), "#1");
    cr_assert_str_eq(koken_teg_id(teg, (koken_teg_node){2}, text, sizeof text), "b");
    cr_assert_str_eq(koken_teg_id(teg, (koken_teg_node){3}, text, sizeof text), "#3");
    koken_teg_free(teg);
    koken_teg_free(NULL);
}

Test(graph, kinds_have_costs)
{
    struct koken_teg *teg = koken_teg_new();
    static const uint64_t costs[] = {10, 1, 2, 5, 1, 1};
    for (unsigned i = 0; i < KOKEN_TEG_KIND_COUNT_; i++) {
        cr_assert_eq(kn_teg_kind_cost((enum koken_teg_kind)i), costs[i]);
    }
    (void)koken_teg_add(teg, &plain);
    (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = nothing, .cost = 7});
    cr_assert_eq(teg->nodes[0].cost, 10);
    cr_assert_eq(teg->nodes[1].cost, 7);
    koken_teg_free(teg);
}

static void refused(struct koken_teg_effect effect)
{
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_problem problem;
    cr_assert_eq(koken_teg_add(teg, &effect).number, 0);
    cr_assert_eq(koken_teg_check(teg, &problem), -EINVAL);
    cr_assert_eq(problem.wrong, KOKEN_TEG_BAD_NODE);
    koken_teg_free(teg);
}

Test(graph, effects_that_make_no_sense_are_refused)
{
    refused((struct koken_teg_effect){0});
    refused((struct koken_teg_effect){.run = nothing, .kind = KOKEN_TEG_KIND_COUNT_});
    refused((struct koken_teg_effect){.run = nothing, .place = KOKEN_TEG_PLACE_COUNT_});
    refused((struct koken_teg_effect){.run = nothing, .arg_size = 1});
    refused((struct koken_teg_effect){.run = nothing, .is_cached = true});
    refused((struct koken_teg_effect){
        .run = nothing, .kind = KOKEN_TEG_PURE, .is_cached = true, .arg = &plain});
    refused((struct koken_teg_effect){
        .run = nothing, .kind = KOKEN_TEG_PURE, .is_cached = true, .place = KOKEN_TEG_ELSEWHERE});
}

Test(graph, equal_kind_tag_and_domain_share_a_key)
{
    struct koken_teg *teg = koken_teg_new();
    char tag[] = "load";
    struct koken_teg_effect effect = {.run = nothing, .tag = tag, .domain = "disk"};
    (void)koken_teg_add(teg, &effect);
    tag[0] = 'L';
    (void)koken_teg_add(teg, &effect);
    tag[0] = 'l';
    (void)koken_teg_add(teg, &effect);
    effect.kind = KOKEN_TEG_PURE;
    (void)koken_teg_add(teg, &effect);
    cr_assert_eq(teg->nodes[0].key, teg->nodes[2].key);
    cr_assert_neq(teg->nodes[0].key, teg->nodes[1].key);
    cr_assert_neq(teg->nodes[0].key, teg->nodes[3].key);
    struct kn_teg_key key = kn_teg_key_of(teg, teg->nodes[3].key);
    cr_assert_str_eq(key.tag, "load");
    cr_assert_str_eq(key.domain, "disk");
    cr_assert_eq(key.kind, KOKEN_TEG_PURE);
    koken_teg_free(teg);
}

Test(graph, arguments_are_copied_when_they_have_a_size)
{
    struct koken_teg *teg = koken_teg_new();
    int number = 42;
    (void)koken_teg_add(
        teg, &(struct koken_teg_effect){.run = nothing, .arg = &number, .arg_size = sizeof number});
    (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = nothing, .arg = &number});
    number = 0;
    cr_assert_eq(*(const int *)teg->nodes[0].arg, 42);
    cr_assert_eq(teg->nodes[1].arg, (const void *)&number);
    koken_teg_free(teg);
}

Test(graph, a_checked_graph_does_not_change)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = koken_teg_add(teg, &plain), b = koken_teg_add(teg, &plain);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    cr_assert_eq(koken_teg_add(teg, &plain).number, 0);
    koken_teg_link(teg, a, b);
    koken_teg_link_ids(teg, "x", "y");
    koken_teg_needs(teg, a, "r");
    koken_teg_resource(teg, "r", KOKEN_TEG_LINEAR, true);
    cr_assert_eq(koken_teg_count(teg), 2);
    cr_assert_eq(koken_teg_link_count(teg), 0);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    kn_teg_ref(teg);
    koken_teg_free(teg);
    cr_assert_eq(koken_teg_count(teg), 2);
    koken_teg_free(teg);
}

#ifdef KN_DEBUG
/* A graph with everything in it, built while the n-th allocation fails: the check says so, nothing leaks. */
static int build_all(void)
{
    struct koken_teg *teg = koken_teg_new();
    char id[16], tag[200];
    if (!teg) {
        return -ENOMEM;
    }
    memset(tag, 't', sizeof tag);
    tag[sizeof tag - 1] = '\0';
    koken_teg_node nodes[40];
    for (int i = 0; i < 40; i++) {
        (void)snprintf(id, sizeof id, "n%d", i);
        nodes[i] = koken_teg_add(
            teg, &(struct koken_teg_effect){
                     .id = id, .tag = tag, .run = nothing, .arg = tag, .arg_size = sizeof tag});
    }
    for (int i = 1; i < 40; i++) {
        koken_teg_link_ids(teg, "n0", "n1");
        koken_teg_link(teg, nodes[0], nodes[i]);
        (void)snprintf(id, sizeof id, "r%d", i);
        koken_teg_resource(teg, id, i % 2 ? KOKEN_TEG_EXCLUSIVE : KOKEN_TEG_SHARED, false);
        koken_teg_makes(teg, nodes[0], id);
        koken_teg_needs(teg, nodes[i], id);
        koken_teg_needs(teg, nodes[1], id);
    }
    int rc = koken_teg_check(teg, NULL);
    koken_teg_free(teg);
    return rc;
}

Test(graph, memory_that_cannot_be_had_is_told)
{
    uint64_t live = kn_alloc_live(), n = 0;
    bool is_armed;
    do { /* ends: a run that fails nowhere */
        kn_alloc_fail_after(n++);
        int rc = build_all();
        is_armed = kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert_eq(rc, is_armed ? 0 : -ENOMEM, "%llu: %d", (unsigned long long)n, rc);
        cr_assert_eq(kn_alloc_live(), live);
    } while (!is_armed);
    cr_assert(n > 20);
}
#endif
