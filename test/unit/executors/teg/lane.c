/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: results equal those of a sequential evaluation whatever the schedule (200 seeds), one lane runs in the
 * order of the ranks every time, T13 independent CPU work, T14 a chain, stealing, and effects that stay on their
 * worker for too long.
 */
#include "executors/teg/graph.h"
#include "test/support/teg.h"

/* A random graph: links from lower to higher nodes, some far, most near. */
static struct koken_teg *random_graph(uint64_t seed, uint32_t nodes)
{
    struct koken_teg *teg = koken_teg_new();
    uint64_t rng = kn_random_seed(seed);
    for (uint32_t i = 1; i <= nodes; i++) {
        int number = (int)(kn_random(&rng) % 1000);
        (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = add_up,
                                                            .arg = &number,
                                                            .arg_size = sizeof number,
                                                            .cost = 1 + kn_random(&rng) % 100});
        for (uint64_t links = kn_random(&rng) % 4; links > 0 && i > 1; links--) {
            uint64_t reach = kn_random(&rng) % 8 ? 64 : i - 1;
            reach = reach < i - 1 ? reach : i - 1;
            uint32_t from = i - 1 - (uint32_t)(kn_random(&rng) % reach);
            koken_teg_link(teg, (koken_teg_node){from}, (koken_teg_node){i});
        }
    }
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    return teg;
}

/* What every node must answer: evaluated by number, as links go upwards. */
static void evaluate(const struct koken_teg *teg, int64_t *numbers)
{
    for (uint32_t i = 0; i < teg->count; i++) {
        numbers[i] = *(const int *)teg->nodes[i].arg;
        for (uint32_t j = 0; j < teg->nodes[i].in_count; j++) {
            numbers[i] += numbers[teg->ins[teg->nodes[i].in + j].from];
        }
        numbers[i] &= 0xffffffffffff;
    }
}

static void compare(const struct koken_teg *teg, const struct koken_teg_run *run)
{
    int64_t *numbers = kn_alloc(teg->count * sizeof *numbers, 8, -1);
    evaluate(teg, numbers);
    cr_assert_eq(koken_teg_status(run), 0);
    for (uint32_t i = 0; i < teg->count; i++) {
        koken_teg_node node = {i + 1};
        cr_assert_eq(koken_teg_state(run, node), KOKEN_TEG_COMPLETED);
        cr_assert_eq(koken_teg_value(run, node).number, numbers[i]);
    }
    kn_free(numbers, teg->count * sizeof *numbers, 8);
}

/* 200 seeds with 1 to 4 lanes on 2 workers: always what one thread would have computed. */
Test(lane, results_do_not_depend_on_the_schedule)
{
    for (uint32_t lanes = 1; lanes <= 4; lanes++) {
        struct koken_teg_config config = {.worker_count = lanes, .load_balance_threshold = 1};
        struct stage stage = stage_with(2, &config);
        for (uint64_t seed = lanes; seed <= 200; seed += 4) {
            struct koken_teg *teg = random_graph(seed, 500 * (uint32_t)SCALE);
            struct koken_teg_run *run = run_of(stage, teg);
            compare(teg, run);
            koken_teg_run_free(run);
            koken_teg_free(teg);
        }
        stop(stage.rt);
    }
}

Test(lane, a_large_graph)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = random_graph(7, 100000);
    struct koken_teg_run *run = run_of(stage, teg);
    compare(teg, run);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.nodes_executed, 100000);
    cr_assert_eq(koken_teg_lane_executed(run, 0) + koken_teg_lane_executed(run, 1), 100000);
    leave(stage, teg, run);
}

/* ---- order ---- */

struct diary {
    uint32_t numbers[2000];
    uint32_t count;
};

static void write_down(void *arg, const struct koken_teg_run *run,
                       const struct koken_teg_event *event)
{
    struct diary *diary = arg;
    (void)run;
    if (event->state == KOKEN_TEG_EXECUTING) {
        diary->numbers[diary->count++] = event->node.number;
    }
}

/* One lane runs a graph in the order that koken_teg_order tells, every time. */
Test(lane, one_lane_runs_in_order)
{
    struct koken_teg_config config = {.worker_count = 1};
    struct stage stage = stage_with(1, &config);
    static struct diary diary;
    static koken_teg_node order[2000];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct koken_teg *teg = random_graph(seed, 2000);
        struct koken_teg_options options = {.observe = write_down, .observe_arg = &diary};
        cr_assert_eq(koken_teg_order(teg, order, 2000), 2000);
        diary.count = 0;
        koken_teg_run_free(run_with(stage, teg, &options));
        cr_assert_eq(diary.count, 2000);
        for (uint32_t i = 0; i < 2000; i++) {
            cr_assert_eq(diary.numbers[i], order[i].number);
        }
        koken_teg_free(teg);
    }
    stop(stage.rt);
}

/* ---- time ---- */

static int spin_ms(struct koken_teg_call *call)
{
    uint64_t end = kn_now() + KOKEN_MS((uint64_t) * (const int *)koken_teg_arg(call));
    while (kn_now() < end) {
        kn_pause();
    }
    return 0;
}

/* Ends when two nodes are at this point at once: on one lane it never would. */
static kn_atomic(uint32_t) met;

static int meet(struct koken_teg_call *call)
{
    uint32_t partner = count(&met) | 1;
    (void)call;
    wait_for(&met, partner + 1);
    return 0;
}

/* T13: 8 independent nodes that come by twos: no lane rests while a node is ready, and each runs its half. */
Test(lane, t13_independent_work_is_spread)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    for (int i = 0; i < 8; i++) {
        (void)node_of(teg, NULL, meet, 0);
    }
    reset(&met);
    struct koken_teg_metrics m;
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.nodes_executed, 8);
    cr_assert_eq(koken_teg_lane_executed(run, 0), 4);
    cr_assert_eq(koken_teg_lane_executed(run, 1), 4);
    leave(stage, teg, run);
}

/* T13: what is counted as busy is what the nodes took, and the efficiency is its share of the workers' time. */
Test(lane, t13_busy_time_is_that_of_the_nodes)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    for (int i = 0; i < 8; i++) {
        (void)node_of(teg, NULL, spin_ms, 2);
    }
    struct koken_teg_metrics m;
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_geq(m.busy_ns, KOKEN_MS(16));
    cr_assert_geq(m.wall_ns, m.busy_ns);
    cr_assert_geq(m.critical_path_ns, KOKEN_MS(2));
    cr_assert_float_eq(m.parallelism_efficiency, (double)m.busy_ns / (double)m.wall_ns, 0.001);
    leave(stage, teg, run);
}

/* T14: a chain: the wall time is the sum, and of two workers never more than one is busy. */
Test(lane, t14_a_chain_is_as_long_as_its_nodes)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node nodes[20];
    for (int i = 0; i < 20; i++) {
        nodes[i] = node_of(teg, NULL, spin_ms, 1);
    }
    koken_teg_sequence(teg, nodes, 20);
    struct koken_teg_metrics m;
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_geq(m.wall_ns, KOKEN_MS(20));
    cr_assert(m.parallelism_efficiency <= 0.5, "%f", m.parallelism_efficiency);
    cr_assert(m.critical_path_ns <= m.busy_ns && m.critical_path_ns >= KOKEN_MS(20));
    leave(stage, teg, run);
}

/* One node makes many others ready on its lane, which come by twos: others steal them, and the counts agree. */
Test(lane, idle_lanes_steal)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node first = node_of(teg, NULL, spin_ms, 1);
    for (int i = 0; i < 20; i++) {
        koken_teg_link(teg, first, node_of(teg, NULL, meet, 0));
    }
    reset(&met);
    struct koken_teg_run *run = run_of(stage, teg);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_geq(m.total_work_stealing_events, 1);
    cr_assert_geq(m.items_stolen, m.total_work_stealing_events);
    uint64_t by_0 = koken_teg_lane_executed(run, 0), by_1 = koken_teg_lane_executed(run, 1);
    cr_assert_eq(by_0 + by_1, 21);
    cr_assert(by_0 == 10 || by_1 == 10);
    leave(stage, teg, run);
}

#ifdef KN_SIM

static int sleep_50_ms(struct koken_teg_call *call)
{
    (void)call;
    koken_sim_sleep(KOKEN_MS(50));
    return 0;
}

/* 8 nodes of 50 ms, in the simulator's time: what is lost is what the lanes do wrong. */
static int spread_out(void *arg)
{
    unsigned workers = *(const unsigned *)arg;
    struct koken_teg_config config = {.worker_count = workers};
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run = NULL;
    struct koken_teg_metrics m;
    struct koken *rt;
    KOKEN_SIM_CHECK(
        koken_start(&(struct koken_options){.workers = workers, .exact_workers = true}, &rt) == 0);
    koken_ref executor = koken_teg_executor(rt, &config);
    for (int i = 0; i < 8; i++) {
        (void)node_of(teg, NULL, sleep_50_ms, 0);
    }
    KOKEN_SIM_CHECK(koken_teg_check(teg, NULL) == 0);
    KOKEN_SIM_CHECK(koken_teg_run(rt, executor, teg, NULL, KOKEN_S(60), &run) == 0);
    KOKEN_SIM_CHECK(koken_teg_metrics(run, &m) == 0);
    KOKEN_SIM_CHECK(m.busy_ns >= KOKEN_MS(400));
    KOKEN_SIM_CHECK(m.parallelism_efficiency > 0.95);
    koken_teg_run_free(run);
    koken_teg_free(teg);
    return koken_stop(rt, KOKEN_S(1));
}

/* T13: no time is lost between nodes, on one worker, two and four. */
Test(lane, t13_efficiency_in_the_simulator)
{
    static struct koken_sim_report report;
    const struct koken_sim_options options = {.seeds = 100};
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        cr_assert_eq(koken_sim_run(spread_out, &workers, &options, &report), 0, "%s", report.text);
    }
}

#endif

/* More lanes than workers is no mistake. */
Test(lane, lanes_may_be_more_than_workers)
{
    struct koken_teg_config config = {.worker_count = 7};
    struct stage stage = stage_with(2, &config);
    struct koken_teg *teg = random_graph(3, 3000);
    struct koken_teg_run *run = run_of(stage, teg);
    compare(teg, run);
    leave(stage, teg, run);
}

/* Its end is told to nobody: it is there until somebody else has seen that the run is over. */
static kn_atomic(uint32_t) may_end;

static int stay(struct koken_teg_call *call)
{
    (void)call;
    wait_for(&may_end, 1);
    return 0;
}

/* T17 on a worker: the worker cannot be taken away, but the run goes on, and is over, without the node. */
Test(lane, t17_a_node_that_stays_on_its_worker_times_out)
{
    struct koken_teg_config config = {.worker_count = 2, .steal_timeout_ms = 5};
    struct stage stage = stage_with(2, &config);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node slow = koken_teg_add(
                       teg, &(struct koken_teg_effect){.run = stay, .timeout_ns = KOKEN_MS(20)}),
                   after = node_of(teg, NULL, add_up, 1);
    koken_teg_link(teg, slow, after);
    reset(&may_end);
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), -ETIMEDOUT);
    assert_state(run, slow, KOKEN_TEG_TIMED_OUT);
    assert_state(run, after, KOKEN_TEG_CANCELLED);
    count(&may_end);
    leave(stage, teg, run);
}
