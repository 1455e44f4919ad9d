/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: everything that is wrong with a graph is found and told before anything runs: T06 cycles, T18 a
 * linear resource with two consumers, T21 a resource that nobody makes, duplicate ids, unknown end points,
 * races; and what a good graph is like: T08, T09, T12.
 */
#include "executors/teg/graph.h"

#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
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

static struct koken_teg_problem problem_of(struct koken_teg *teg, int rc)
{
    struct koken_teg_problem problem;
    cr_assert_eq(koken_teg_check(teg, &problem), rc, "%s", problem.text);
    koken_teg_free(teg);
    return problem;
}

/* T12: the empty graph is fine. */
Test(check, t12_the_empty_graph_is_fine)
{
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_shape shape;
    cr_assert_eq(koken_teg_shape(teg, &shape), -EINVAL);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    cr_assert_eq(koken_teg_shape(teg, &shape), 0);
    cr_assert_eq(shape.nodes, 0);
    cr_assert(shape.parallelism == 0);
    koken_teg_free(teg);
}

/* T06: A and B depend on each other. */
Test(check, t06_a_cycle_is_shown)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "A", 1), b = add(teg, "B", 1);
    koken_teg_link(teg, a, b);
    koken_teg_link(teg, b, a);
    struct koken_teg_problem problem = problem_of(teg, -EDEADLK);
    cr_assert_eq(problem.wrong, KOKEN_TEG_CYCLE);
    cr_assert_eq(problem.count, 2);
    cr_assert(strcmp(problem.text, "CyclicDependency: A -> B -> A") == 0 ||
                  strcmp(problem.text, "CyclicDependency: B -> A -> B") == 0,
              "%s", problem.text);
}

/* The cycle that is told is one: each of its nodes is linked to the next. */
Test(check, t06_the_cycle_is_a_real_one)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        enum { NODES = 60, LINKS = 110 };
        static bool is_linked[NODES + 1][NODES + 1];
        struct koken_teg *teg = koken_teg_new();
        uint64_t rng = kn_random_seed(seed);
        memset(is_linked, 0, sizeof is_linked);
        for (int i = 0; i < NODES; i++) {
            (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = nothing});
        }
        for (int i = 0; i < LINKS; i++) {
            koken_teg_node from = {1 + (uint32_t)(kn_random(&rng) % NODES)},
                           to = {1 + (uint32_t)(kn_random(&rng) % NODES)};
            koken_teg_link(teg, from, to);
            is_linked[from.number][to.number] = true;
        }
        struct koken_teg_problem problem;
        if (koken_teg_check(teg, &problem) == -EDEADLK && problem.count <= 16) {
            for (uint32_t i = 0; i < problem.count; i++) {
                uint32_t from = problem.nodes[i].number,
                         to = problem.nodes[(i + 1) % problem.count].number;
                cr_assert(is_linked[from][to], "%s", problem.text);
            }
        }
        koken_teg_free(teg);
    }
}

Test(check, t06_a_node_that_depends_on_itself_and_a_long_cycle)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "A", 1);
    koken_teg_link(teg, a, a);
    cr_assert_str_eq(problem_of(teg, -EDEADLK).text, "CyclicDependency: A -> A");

    teg = koken_teg_new();
    koken_teg_node nodes[100];
    for (int i = 0; i < 100; i++) {
        nodes[i] = add(teg, NULL, 1);
    }
    koken_teg_sequence(teg, nodes, 100);
    koken_teg_link(teg, nodes[99], nodes[0]);
    struct koken_teg_problem problem = problem_of(teg, -EDEADLK);
    cr_assert_eq(problem.count, 100);
    cr_assert_not_null(strstr(problem.text, "... -> "));
}

Test(check, a_graph_with_a_cycle_may_be_mended)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "A", 1);
    koken_teg_resource(teg, "r", KOKEN_TEG_SHARED, true);
    koken_teg_needs(teg, a, "r");
    koken_teg_needs(teg, a, "later");
    cr_assert_eq(koken_teg_check(teg, NULL), -EAGAIN);
    koken_teg_makes(teg, add(teg, "B", 1), "later");
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    cr_assert_eq(koken_teg_link_count(teg), 1);
    koken_teg_free(teg);
}

Test(check, duplicate_ids_are_refused)
{
    struct koken_teg *teg = koken_teg_new();
    (void)add(teg, "same", 1);
    (void)add(teg, "same", 2);
    struct koken_teg_problem problem = problem_of(teg, -EALREADY);
    cr_assert_eq(problem.wrong, KOKEN_TEG_DUPLICATE_ID);
    cr_assert_eq(problem.nodes[0].number, 1);
    cr_assert_eq(problem.nodes[1].number, 2);
    cr_assert_str_eq(problem.text, "InvalidGraph: Duplicate node ID: same");
}

Test(check, equal_effects_without_ids_may_coexist)
{
    struct koken_teg *teg = koken_teg_new();
    (void)add(teg, NULL, 1);
    (void)add(teg, NULL, 1);
    (void)problem_of(teg, 0);
}

Test(check, unknown_end_points_are_refused)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "A", 1);
    koken_teg_link(teg, a, (koken_teg_node){7});
    cr_assert_eq(problem_of(teg, -ESRCH).wrong, KOKEN_TEG_UNKNOWN_NODE);

    teg = koken_teg_new();
    (void)add(teg, "A", 1);
    koken_teg_link_ids(teg, "A", "nobody");
    cr_assert_str_eq(problem_of(teg, -ESRCH).text, "NodeNotFound: nobody");

    teg = koken_teg_new();
    koken_teg_link_ids(teg, "A", "B"); /* both come later */
    (void)add(teg, "B", 1);
    (void)add(teg, "A", 1);
    (void)problem_of(teg, 0);

    teg = koken_teg_new();
    koken_teg_needs(teg, (koken_teg_node){3}, "x");
    (void)problem_of(teg, -ESRCH);
}

/* T18: two nodes consume the linear X. */
Test(check, t18_a_linear_resource_has_one_consumer)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "A", 1), b = add(teg, "B", 1);
    koken_teg_resource(teg, "X", KOKEN_TEG_LINEAR, true);
    koken_teg_needs(teg, a, "X");
    koken_teg_needs(teg, b, "X");
    struct koken_teg_problem problem = problem_of(teg, -EPERM);
    cr_assert_eq(problem.wrong, KOKEN_TEG_LINEARITY);
    cr_assert_eq(problem.count, 2);
    cr_assert_str_eq(problem.text, "LinearityViolation: X has two consumers");

    teg = koken_teg_new();
    a = add(teg, "A", 1);
    b = add(teg, "B", 1);
    koken_teg_makes(teg, a, "Y");
    koken_teg_makes(teg, b, "Y");
    (void)problem_of(teg, -EPERM);
}

/* T21: a node needs X, and nobody makes it. */
Test(check, t21_an_unsatisfiable_resource)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_needs(teg, add(teg, "A", 1), "X");
    struct koken_teg_problem problem = problem_of(teg, -EAGAIN);
    cr_assert_eq(problem.wrong, KOKEN_TEG_UNSATISFIABLE);
    cr_assert_str_eq(problem.text, "UnsatisfiableResource: X");
}

/* T08: load, transfer, store: three nodes, two links from resources, a cost. */
Test(check, t08_a_sequence_by_its_resources)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node load = koken_teg_add(teg,
                                        &(struct koken_teg_effect){.run = nothing, .tag = "load"}),
                   transfer = koken_teg_add(
                       teg, &(struct koken_teg_effect){.run = nothing, .tag = "transfer"}),
                   store = koken_teg_add(
                       teg, &(struct koken_teg_effect){.run = nothing, .tag = "store"});
    koken_teg_makes(teg, load, "source_tokens");
    koken_teg_needs(teg, transfer, "source_tokens");
    koken_teg_makes(teg, transfer, "dest_tokens");
    koken_teg_needs(teg, store, "dest_tokens");
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    struct koken_teg_shape shape;
    cr_assert_eq(koken_teg_shape(teg, &shape), 0);
    cr_assert_eq(shape.nodes, 3);
    cr_assert_geq(shape.links, 2);
    cr_assert_eq(shape.total_cost, 30);
    cr_assert_eq(shape.sources, 1);
    cr_assert_eq(shape.sinks, 1);
    koken_teg_free(teg);
}

/* T09: two nodes of 200 and 300 that share an exclusive resource take turns. */
Test(check, t09_users_of_an_exclusive_resource_take_turns)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "A", 200), b = add(teg, "B", 300), c = add(teg, "C", 10);
    koken_teg_resource(teg, "press", KOKEN_TEG_EXCLUSIVE, true);
    koken_teg_needs(teg, a, "press");
    koken_teg_needs(teg, b, "press");
    koken_teg_needs(teg, c, "press");
    koken_teg_link(teg, c, b); /* so the turns are A, C, B */
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    struct koken_teg_shape shape;
    cr_assert_eq(koken_teg_shape(teg, &shape), 0);
    cr_assert_eq(shape.critical_path_cost, 510);
    cr_assert_eq(teg->nodes[1].in_count, 2);
    cr_assert_eq(teg->nodes[1].input_count, 1);
    cr_assert_eq(teg->nodes[2].input_count, 0);
    koken_teg_free(teg);
}

/* Exclusive users in any order of building never close a cycle. */
Test(check, turns_never_close_a_cycle)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        enum { NODES = 30 };
        struct koken_teg *teg = koken_teg_new();
        koken_teg_node nodes[NODES];
        uint64_t rng = kn_random_seed(seed);
        koken_teg_resource(teg, "x", KOKEN_TEG_EXCLUSIVE, true);
        koken_teg_resource(teg, "y", KOKEN_TEG_EXCLUSIVE, true);
        for (int i = 0; i < NODES; i++) {
            nodes[i] = add(teg, NULL, 1);
        }
        for (int i = 0; i < NODES; i++) {
            int to = (int)(kn_random(&rng) % NODES);
            if (i != to) { /* later to earlier: against the indices */
                koken_teg_link(teg, nodes[i > to ? i : to], nodes[i > to ? to : i]);
            }
            koken_teg_needs(teg, nodes[kn_random(&rng) % NODES], "x");
            koken_teg_needs(teg, nodes[kn_random(&rng) % NODES], "y");
        }
        (void)problem_of(teg, 0);
    }
}

Test(check, a_race_owns_its_entrants)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node both[2] = {add(teg, "a", 1), add(teg, "b", 1)}, c = add(teg, "c", 1);
    koken_teg_node race = koken_teg_race(teg, "race", both, 2);
    koken_teg_link(teg, race, c);
    (void)problem_of(teg, 0);

    teg = koken_teg_new();
    both[0] = add(teg, "a", 1);
    both[1] = add(teg, "b", 1);
    c = add(teg, "c", 1);
    (void)koken_teg_race(teg, "race", both, 2);
    koken_teg_link(teg, both[0], c);
    cr_assert_eq(problem_of(teg, -EINVAL).wrong, KOKEN_TEG_BAD_NODE);

    teg = koken_teg_new();
    (void)koken_teg_race(teg, "race", NULL, 0);
    (void)problem_of(teg, -EINVAL);
}

Test(check, a_parallel_of_nothing_makes_no_sense)
{
    struct koken_teg *teg = koken_teg_new();
    (void)koken_teg_parallel(teg, NULL, NULL, 0);
    (void)problem_of(teg, -EINVAL);
}

Test(check, conditions_are_looked_at)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = add(teg, "a", 1), b = add(teg, "b", 1);
    koken_teg_link_when(teg, a, b, KOKEN_TEG_WHEN_COUNT_, 0);
    (void)problem_of(teg, -EINVAL);

    teg = koken_teg_new();
    (void)add(teg, "a", 1);
    (void)add(teg, "b", 1);
    koken_teg_link_ids_when(teg, "a", "b", KOKEN_TEG_IS_FAILED, 0);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    cr_assert(teg->nodes[0].flags & KN_TEG_HANDLED);
    cr_assert(teg->nodes[1].flags & KN_TEG_CONTROLLED);
    koken_teg_free(teg);
}
