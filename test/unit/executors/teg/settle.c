/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: T16 fail-fast and isolate, T20 race and parallel, conditions, skipping, handlers of failures, and
 * that every node comes to exactly one end, in random graphs with failures and conditions.
 */
#include "executors/teg/graph.h"
#include "test/support/teg.h"

static int slow(struct koken_teg_call *call)
{
    int rc = koken_teg_sleep(call, KOKEN_S(600));
    koken_teg_answer(call, -1);
    return rc;
}

/* A diamond A -> B, C -> D. */
struct diamond {
    struct koken_teg *teg;
    koken_teg_node a, b, c, d;
};

static struct diamond diamond(int (*b)(struct koken_teg_call *call))
{
    struct diamond d = {.teg = koken_teg_new()};
    d.a = node_of(d.teg, "A", add_up, 1);
    d.b = koken_teg_add(d.teg, &(struct koken_teg_effect){.id = "B", .run = b, .cost = 100});
    d.c = node_of(d.teg, "C", add_up, 1);
    d.d = node_of(d.teg, "D", add_up, 1);
    koken_teg_link(d.teg, d.a, d.b);
    koken_teg_link(d.teg, d.a, d.c);
    koken_teg_link(d.teg, d.b, d.d);
    koken_teg_link(d.teg, d.c, d.d);
    return d;
}

/* T16: B fails; fail-fast: D is cancelled, C ran or was cancelled. */
Test(settle, t16_fail_fast)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct stage stage = stage_of(workers);
        struct diamond d = diamond(do_fail);
        struct koken_teg_run *run = run_of(stage, d.teg);
        cr_assert_eq(koken_teg_status(run), -EPROTO);
        assert_state(run, d.a, KOKEN_TEG_COMPLETED);
        assert_state(run, d.b, KOKEN_TEG_FAILED);
        assert_state(run, d.d, KOKEN_TEG_CANCELLED);
        enum koken_teg_state c = koken_teg_state(run, d.c);
        cr_assert(c == KOKEN_TEG_CANCELLED || (c == KOKEN_TEG_COMPLETED && workers > 1));
        cr_assert_eq(koken_teg_error(run, d.b), -EPROTO);
        cr_assert_eq(koken_teg_error(run, d.a), 0);
        cr_assert(koken_teg_value(run, d.b).is_missing);
        leave(stage, d.teg, run);
    }
}

/* T16: isolate: C completes, D is cancelled. */
Test(settle, t16_isolate)
{
    struct stage stage = stage_of(2);
    struct diamond d = diamond(do_fail);
    struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
    struct koken_teg_run *run = run_with(stage, d.teg, &options);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_status(run), -EPROTO);
    assert_state(run, d.c, KOKEN_TEG_COMPLETED);
    assert_state(run, d.d, KOKEN_TEG_CANCELLED);
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.completed, 2);
    cr_assert_eq(m.failed, 1);
    cr_assert_eq(m.cancellations, 1);
    cr_assert_eq(m.nodes_executed, 3);
    leave(stage, d.teg, run);
}

/* T20: the fast one's result, the slow one cancelled. */
Test(settle, t20_race)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node both[2] = {
        koken_teg_add(teg, &(struct koken_teg_effect){.run = slow, .place = KOKEN_TEG_ON_POOL}),
        node_of(teg, "fast", answer_arg, 7)};
    koken_teg_node race = koken_teg_race(teg, "race", both, 2),
                   after = node_of(teg, NULL, add_up, 1);
    koken_teg_link(teg, race, after);
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), 0);
    cr_assert_eq(koken_teg_value(run, race).number, 7);
    cr_assert_eq(koken_teg_value(run, after).number, 8);
    assert_state(run, both[0], KOKEN_TEG_CANCELLED);
    leave(stage, teg, run);
}

/* A race outlives entrants that fail, and fails with the error of the first when all have. */
Test(settle, t20_a_race_needs_one_that_completes)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node nodes[3] = {node_of(teg, NULL, do_fail, 0), node_of(teg, NULL, answer_arg, 5),
                               node_of(teg, NULL, do_fail, 0)};
    koken_teg_node race = koken_teg_race(teg, NULL, nodes, 3);
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), 0);
    cr_assert_eq(koken_teg_value(run, race).number, 5);
    koken_teg_run_free(run);
    koken_teg_free(teg);

    teg = koken_teg_new();
    nodes[0] = node_of(teg, NULL, do_fail, 0);
    nodes[1] = node_of(teg, NULL, do_fail, 0);
    race = koken_teg_race(teg, NULL, nodes, 2);
    run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), -EPROTO);
    assert_state(run, race, KOKEN_TEG_FAILED);
    leave(stage, teg, run);
}

/* T20: a pair. */
Test(settle, t20_parallel)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node both[2] = {node_of(teg, NULL, answer_arg, 3), node_of(teg, NULL, answer_arg, 4)};
    koken_teg_node pair = koken_teg_parallel(teg, "pair", both, 2);
    struct koken_teg_run *run = run_of(stage, teg);
    struct koken_teg_value value = koken_teg_value(run, pair);
    cr_assert_eq(value.item_count, 2);
    cr_assert_eq(value.items[0].number, 3);
    cr_assert_eq(value.items[1].number, 4);
    leave(stage, teg, run);
}

/* ---- conditions ---- */

static void check_when(enum koken_teg_when when, int64_t operand, int number, bool is_open)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = node_of(teg, NULL, answer_arg, number), b = node_of(teg, NULL, add_up, 0),
                   c = node_of(teg, NULL, add_up, 0);
    koken_teg_link_when(teg, a, b, when, operand);
    koken_teg_link(teg, b, c);
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), 0);
    assert_state(run, b, is_open ? KOKEN_TEG_COMPLETED : KOKEN_TEG_SKIPPED);
    assert_state(run, c, is_open ? KOKEN_TEG_COMPLETED : KOKEN_TEG_SKIPPED);
    leave(stage, teg, run);
}

Test(settle, conditions_open_and_close)
{
    check_when(KOKEN_TEG_ALWAYS, 0, 0, true);
    check_when(KOKEN_TEG_IS_TRUE, 0, 1, true);
    check_when(KOKEN_TEG_IS_TRUE, 0, 0, false);
    check_when(KOKEN_TEG_IS_FALSE, 0, 0, true);
    check_when(KOKEN_TEG_IS_FALSE, 0, 2, false);
    check_when(KOKEN_TEG_EQUAL, 5, 5, true);
    check_when(KOKEN_TEG_EQUAL, 5, 6, false);
    check_when(KOKEN_TEG_NOT_EQUAL, 5, 6, true);
    check_when(KOKEN_TEG_NOT_EQUAL, 5, 5, false);
    check_when(KOKEN_TEG_LESS, 5, 4, true);
    check_when(KOKEN_TEG_LESS, 5, 5, false);
    check_when(KOKEN_TEG_GREATER, 5, 6, true);
    check_when(KOKEN_TEG_GREATER, 5, 5, false);
    check_when(KOKEN_TEG_IS_FAILED, 0, 5, false);
}

static int64_t seen[2];
static int see_inputs(struct koken_teg_call *call)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct koken_teg_value input = koken_teg_input(call, i);
        seen[i] = input.is_missing ? -1 : input.number;
    }
    cr_assert(koken_teg_input(call, 2).is_missing);
    cr_assert_eq(koken_teg_input_count(call), 2);
    return 0;
}

/* The two arms of a condition meet again: one is skipped, the join runs and sees the other. */
Test(settle, the_arms_of_a_condition_meet_again)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node test = node_of(teg, NULL, answer_arg, 1),
                   yes = node_of(teg, NULL, answer_arg, 10),
                   no = node_of(teg, NULL, answer_arg, 20),
                   join = node_of(teg, NULL, see_inputs, 0);
    koken_teg_link_when(teg, test, yes, KOKEN_TEG_IS_TRUE, 0);
    koken_teg_link_when(teg, test, no, KOKEN_TEG_IS_FALSE, 0);
    koken_teg_link_when(teg, yes, join, KOKEN_TEG_ALWAYS, 0);
    koken_teg_link_when(teg, no, join, KOKEN_TEG_ALWAYS, 0);
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), 0);
    assert_state(run, no, KOKEN_TEG_SKIPPED);
    assert_state(run, join, KOKEN_TEG_COMPLETED);
    cr_assert_eq(seen[0], 10);
    cr_assert_eq(seen[1], -1);
    leave(stage, teg, run);
}

static int64_t handled;
static int handle(struct koken_teg_call *call)
{
    struct koken_teg_value input = koken_teg_input(call, 0);
    handled = input.number;
    return 0;
}

/* Who waits for a failure handles it: the run goes on and is well. */
Test(settle, a_failure_may_be_handled)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node bad = node_of(teg, NULL, do_fail, 0), good = node_of(teg, NULL, add_up, 1),
                   handler = node_of(teg, NULL, handle, 0), needs = node_of(teg, NULL, add_up, 0),
                   unused = node_of(teg, NULL, handle, 0);
    koken_teg_link_when(teg, bad, handler, KOKEN_TEG_IS_FAILED, 0);
    koken_teg_link_when(teg, good, unused, KOKEN_TEG_IS_FAILED, 0);
    koken_teg_link(teg, bad, needs);
    handled = 0;
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), 0);
    cr_assert_eq(handled, -EPROTO);
    assert_state(run, bad, KOKEN_TEG_FAILED);
    assert_state(run, handler, KOKEN_TEG_COMPLETED);
    assert_state(run, needs, KOKEN_TEG_CANCELLED);
    assert_state(run, unused, KOKEN_TEG_SKIPPED);
    leave(stage, teg, run);
}

/* ---- every node comes to one end ---- */

static int some_fail(struct koken_teg_call *call)
{
    int number = *(const int *)koken_teg_arg(call);
    koken_teg_answer(call, number);
    return number % 11 == 0 ? -EPROTO : 0;
}

static struct koken_teg *random_graph(uint64_t seed, uint32_t nodes)
{
    struct koken_teg *teg = koken_teg_new();
    uint64_t rng = kn_random_seed(seed);
    for (uint32_t i = 1; i <= nodes; i++) {
        int number = (int)(kn_random(&rng) % 100);
        (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = some_fail,
                                                            .arg = &number,
                                                            .arg_size = sizeof number,
                                                            .retries = i % 3});
        for (uint64_t links = kn_random(&rng) % 3; links > 0 && i > 1; links--) {
            koken_teg_node from = {1 + (uint32_t)(kn_random(&rng) % (i - 1))}, to = {i};
            enum koken_teg_when when =
                (enum koken_teg_when)(kn_random(&rng) % KOKEN_TEG_WHEN_COUNT_);
            if (kn_random(&rng) % 2) {
                koken_teg_link(teg, from, to);
            } else {
                koken_teg_link_when(teg, from, to, when, 50);
            }
        }
    }
    return teg;
}

/* Isolated failures: the states do not depend on the schedule either. */
Test(settle, states_do_not_depend_on_the_schedule)
{
    enum { NODES = 300 };
    struct koken_teg_config one = {.worker_count = 1}, four = {.worker_count = 4};
    struct stage stage = stage_of(2);
    koken_ref executors[2] = {koken_teg_executor(stage.rt, &one),
                              koken_teg_executor(stage.rt, &four)};
    struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct koken_teg *teg = random_graph(seed, NODES);
        struct koken_teg_run *runs[2];
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(
                koken_teg_run(stage.rt, executors[i], teg, &options, KOKEN_S(60), &runs[i]), 0);
        }
        for (uint32_t i = 1; i <= NODES; i++) {
            koken_teg_node node = {i};
            enum koken_teg_state state = koken_teg_state(runs[0], node);
            cr_assert_geq((int)state, (int)KOKEN_TEG_COMPLETED);
            cr_assert_eq(koken_teg_state(runs[1], node), state);
            cr_assert_eq(koken_teg_value(runs[1], node).number,
                         koken_teg_value(runs[0], node).number);
        }
        cr_assert_eq(koken_teg_status(runs[0]), koken_teg_status(runs[1]));
        koken_teg_run_free(runs[0]);
        koken_teg_run_free(runs[1]);
        koken_teg_free(teg);
    }
    stop(stage.rt);
}

/* Fail-fast and cancellation in the middle: every node has ended, and the counts agree. */
Test(settle, every_node_comes_to_an_end)
{
    enum { NODES = 400 };
    struct stage stage = stage_of(2);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct koken_teg *teg = random_graph(seed, NODES);
        struct koken_teg_run *run;
        struct koken_teg_metrics m;
        cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
        if (seed % 2) {
            koken_teg_cancel(run);
        }
        cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
        cr_assert_eq(koken_teg_metrics(run, &m), 0);
        cr_assert_eq(m.completed + m.failed + m.timeouts + m.cancellations + m.skipped, NODES);
        koken_teg_run_free(run);
        koken_teg_free(teg);
    }
    stop(stage.rt);
}
