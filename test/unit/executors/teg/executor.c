/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: T01 the defaults, T12 the empty graph, the protocol of the executor for threads, fibers and handlers,
 * many runs at a time, and what happens when the executor ends or the runtime stops under a run.
 */
#include "test/support/teg.h"

#include <koken/teg_learn.h>

#include <koken/fiber.h>

/* T01: one lane per processor, 100 ms, 4, 30 s, adaptive. */
Test(executor, t01_default_config)
{
    struct koken_teg_config config;
    koken_teg_config_default(&config);
    cr_assert_geq(config.worker_count, 1);
    cr_assert_eq(config.steal_timeout_ms, 100);
    cr_assert_eq(config.load_balance_threshold, 4);
    cr_assert_eq(config.node_timeout_ms, 30000);
    cr_assert(config.adaptive_scheduling);
}

/* ---- what each member of the configuration does ---- */

static int sleepless(struct koken_teg_call *call)
{
    (void)call;
    return 0;
}

static int spin_long(struct koken_teg_call *call)
{
    uint64_t end = kn_now() + KOKEN_MS(20);
    (void)call;
    while (kn_now() < end) { /* ends: time passes */
        kn_pause();
    }
    return 0;
}

static int spin_until_late(struct koken_teg_call *call)
{
    while (!koken_teg_cancelled(call)) { /* ends: the other lane looks */
        kn_pause();
    }
    return 0;
}

static int sleep_a_little(struct koken_teg_call *call)
{
    return koken_teg_sleep(call, KOKEN_MS(3));
}

/*
 * With one worker: while the first node is on the pool both lanes park; the one that it lands on runs a chain, which
 * makes nodes count as short. Then come a node that takes more than a slice (elsewhere, so it counts for no other), and
 * five that wait behind it. Answers whether both lanes have run some of these.
 */
static bool is_shared(uint32_t threshold)
{
    enum { CHAIN = 120, MORE = 5 };
    struct koken_teg_config config = {
        .worker_count = 2, .steal_timeout_ms = 7000, .load_balance_threshold = threshold};
    struct stage stage = stage_with(1, &config);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node last = koken_teg_add(
        teg, &(struct koken_teg_effect){.run = sleep_a_little, .place = KOKEN_TEG_ON_POOL});
    for (int i = 0; i < CHAIN; i++) {
        koken_teg_node next = koken_teg_add(teg, &(struct koken_teg_effect){.run = sleepless});
        koken_teg_link(teg, last, next);
        last = next;
    }
    koken_teg_node first = koken_teg_add(
        teg,
        &(struct koken_teg_effect){.run = spin_long, .place = KOKEN_TEG_ELSEWHERE, .cost = 100});
    koken_teg_link(teg, last, first);
    for (int i = 0; i < MORE; i++) {
        koken_teg_link(teg, last, koken_teg_add(teg, &(struct koken_teg_effect){.run = sleepless}));
    }
    struct koken_teg_run *run = run_of(stage, teg);
    bool is_other = false;
    for (uint32_t i = 1; i <= MORE; i++) {
        koken_teg_node node = {first.number + i};
        is_other |= koken_teg_times(run, node).lane != koken_teg_times(run, first).lane;
    }
    leave(stage, teg, run);
    return is_other;
}

/* More ready nodes than load_balance_threshold wake a parked lane. */
Test(executor, load_balance_threshold_wakes_a_parked_lane)
{
    bool is_left_alone = false;
    cr_assert(is_shared(2));
    /* Who is interrupted by the system looks long, and the lane is woken for that: then again. */
    for (int i = 0; i < 100 && !is_left_alone; i++) {
        is_left_alone = !is_shared(50);
    }
    cr_assert(is_left_alone);
}

/* A parked lane looks after the others every steal_timeout_ms: a node that keeps its worker times out then. */
Test(executor, steal_timeout_ms_is_how_often_a_parked_lane_looks)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct koken_teg_config config = {.worker_count = 2, .steal_timeout_ms = i == 0 ? 1 : 7000};
        struct stage stage = stage_with(2, &config);
        struct koken_teg *teg = koken_teg_new();
        koken_teg_node node = koken_teg_add(
            teg, &(struct koken_teg_effect){.run = i == 0 ? spin_until_late : spin_long,
                                            .timeout_ns = KOKEN_MS(2)});
        struct koken_teg_run *run = run_of(stage, teg);
        assert_state(run, node, i == 0 ? KOKEN_TEG_TIMED_OUT : KOKEN_TEG_COMPLETED);
        leave(stage, teg, run);
    }
}

static int sleep_long(struct koken_teg_call *call)
{
    return koken_teg_sleep(call, KOKEN_S(100));
}

/* Nodes without a deadline of their own have node_timeout_ms. */
Test(executor, node_timeout_ms_ends_nodes)
{
    struct koken_teg_config config = {.node_timeout_ms = 20};
    struct stage stage = stage_with(1, &config);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node node = koken_teg_add(
        teg, &(struct koken_teg_effect){.run = sleep_long, .place = KOKEN_TEG_ON_POOL});
    struct koken_teg_run *run = run_of(stage, teg);
    assert_state(run, node, KOKEN_TEG_TIMED_OUT);
    struct koken_teg_times times = koken_teg_times(run, node);
    cr_assert_geq(times.ended_ns - times.ready_ns, KOKEN_MS(20));
    leave(stage, teg, run);
}

/* worker_count is the number of lanes; with adaptive_scheduling a run is learnt from. */
Test(executor, worker_count_and_adaptive_scheduling)
{
    struct koken_teg_model *model = koken_teg_model_new();
    cr_assert_eq(koken_teg_model_learn(model, KOKEN_TEG_PERFORM, "t", NULL, 1, 1000), 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct koken_teg_config config = {
            .worker_count = 3 + i, .adaptive_scheduling = i == 1, .model = model};
        struct stage stage = stage_with(2, &config);
        struct koken_teg *teg = koken_teg_new();
        struct koken_teg_metrics m;
        struct koken_teg_prediction known;
        (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = sleepless, .tag = "t"});
        struct koken_teg_run *run = run_of(stage, teg);
        cr_assert_eq(koken_teg_metrics(run, &m), 0);
        cr_assert_eq(m.worker_count, 3 + i);
        koken_teg_model_predict(model, KOKEN_TEG_PERFORM, "t", NULL, 1, &known);
        cr_assert_eq(known.samples, 1 + i);
        leave(stage, teg, run);
    }
    koken_teg_model_free(model);
}

/* ---- runs ---- */

/* T12: the empty graph: 0, no nodes, efficiency 0. */
Test(executor, t12_the_empty_graph)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run = run_of(stage, teg);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_status(run), 0);
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.nodes_executed, 0);
    cr_assert(m.parallelism_efficiency == 0);
    leave(stage, teg, run);
}

Test(executor, adds_two_numbers)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = node_of(teg, "a", answer_arg, 40), b = node_of(teg, "b", answer_arg, 2),
                   c = node_of(teg, "c", add_up, 0);
    koken_teg_link(teg, a, c);
    koken_teg_link(teg, b, c);
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_status(run), 0);
    cr_assert_eq(koken_teg_value(run, c).number, 42);
    cr_assert(koken_teg_value(run, (koken_teg_node){9}).is_missing);
    leave(stage, teg, run);
}

/* A graph may be freed while runs and results use it, and be run many times at once. */
Test(executor, many_runs_at_a_time)
{
    enum { RUNS = 50 };
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *runs[RUNS];
    koken_teg_node last = {0};
    for (int i = 0; i < 100; i++) {
        koken_teg_node node = node_of(teg, NULL, add_up, 1);
        if (last.number) {
            koken_teg_link(teg, last, node);
        }
        last = node;
    }
    for (int i = 0; i < RUNS; i++) {
        cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &runs[i]), 0);
    }
    koken_teg_free(teg);
    for (int i = 0; i < RUNS; i++) {
        cr_assert_eq(koken_teg_wait(stage.rt, runs[i], KOKEN_S(60)), 0);
        cr_assert_eq(koken_teg_value(runs[i], last).number, 100);
        koken_teg_run_free(runs[i]);
    }
    stop(stage.rt);
}

/* ---- agents ---- */

/* trusted: graphs and runs of the test outlive its agents */
KOKEN_MESSAGE_TRUSTED(go, {
    koken_ref executor;
    struct koken_teg *teg;
});

struct client {
    struct koken_teg_run *run;
};

static kn_atomic(uint32_t) told;

static int on_go(koken_ctx *ctx, struct client *self, const struct go *msg)
{
    expect(koken_teg_start(msg->executor, msg->teg, NULL, &self->run) == 0);
    expect(koken_teg_ask(ctx, self->run, KOKEN_S(60)) > 0);
    return 0;
}

static int on_done(koken_ctx *ctx, struct client *self, const struct koken_teg_done *msg)
{
    (void)ctx;
    expect(msg->run == self->run);
    expect(koken_teg_is_over(self->run) && koken_teg_status(self->run) == 0);
    koken_teg_run_free(self->run);
    (void)count(&told);
    return KOKEN_STOP;
}

KOKEN_AGENT(client, struct client, KOKEN_ON(go, on_go), KOKEN_ON(koken_teg_done, on_done));

static int fiber_body(koken_ctx *ctx, struct client *self, const void *arg)
{
    const struct go *go = arg;
    expect(koken_teg_run(ctx, go->executor, go->teg, NULL, KOKEN_S(60), &self->run) == 0);
    expect(koken_teg_status(self->run) == 0);
    koken_teg_run_free(self->run);
    (void)count(&told);
    return 0;
}

KOKEN_FIBER(fiber_client, struct client, fiber_body);

Test(executor, serves_handlers_and_fibers)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    (void)node_of(teg, NULL, add_up, 1);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    reset(&told);
    struct go go = {stage.executor, teg};
    koken_ref who = koken_spawn(stage.rt, client);
    cr_assert_eq(koken_signal(who, go, .executor = stage.executor, .teg = teg), 0);
    (void)koken_spawn(stage.rt, fiber_client, .arg = &go, .arg_size = sizeof go);
    wait_for(&told, 2);
    leave(stage, teg, NULL);
}

/* ---- ends ---- */

static int wait_long(struct koken_teg_call *call)
{
    return koken_teg_sleep(call, KOKEN_S(600));
}

static struct koken_teg *sleepy(void)
{
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = koken_teg_add(
        teg, &(struct koken_teg_effect){.run = wait_long, .place = KOKEN_TEG_ON_POOL});
    koken_teg_link(teg, a, node_of(teg, NULL, add_up, 1));
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    return teg;
}

Test(executor, a_wait_may_be_given_up_and_the_run_goes_on)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = sleepy();
    struct koken_teg_run *run;
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_MS(5)), -ETIMEDOUT);
    cr_assert_eq(koken_teg_status(run), -EBUSY);
    koken_teg_cancel(run);
    koken_teg_cancel(run);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_status(run), -ECANCELED);
    koken_teg_cancel(run);
    assert_state(run, (koken_teg_node){1}, KOKEN_TEG_CANCELLED);
    assert_state(run, (koken_teg_node){2}, KOKEN_TEG_CANCELLED);
    leave(stage, teg, run);
}

Test(executor, a_run_that_takes_too_long_is_cancelled)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = sleepy();
    struct koken_teg_run *run = NULL;
    cr_assert_eq(koken_teg_run(stage.rt, stage.executor, teg, NULL, KOKEN_MS(5), &run), -ETIMEDOUT);
    cr_assert_null(run);
    leave(stage, teg, NULL);
}

Test(executor, its_end_cancels_its_runs)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = sleepy();
    struct koken_teg_run *run;
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_MS(5)), -ETIMEDOUT);
    cr_assert_eq(koken_exit(stage.executor), 0);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_status(run), -ECANCELED);
    struct koken_teg_run *late = NULL;
    while (koken_alive(stage.executor)) {
        kn_thread_yield();
    }
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &late), -ESRCH);
    leave(stage, teg, run);
}

/* The end overtakes what has been submitted, and may find it anywhere: begun, in the mailbox, or just over. */
static bool is_end(const struct koken_teg_run *run)
{
    int status = koken_teg_status(run);
    return koken_teg_is_over(run) && (status == -ECANCELED || status == -ESRCH);
}

Test(executor, a_thread_hears_of_the_end_of_an_executor)
{
    enum { ROUNDS = 20, RUNS = 4 };
    struct stage stage = stage_of(2);
    struct koken_teg *teg = sleepy();
    for (int i = 0; i < ROUNDS; i++) {
        koken_ref executor = koken_teg_executor(stage.rt, NULL);
        struct koken_teg_run *runs[RUNS];
        for (int j = 0; j < RUNS; j++) {
            cr_assert_eq(koken_teg_start(executor, teg, NULL, &runs[j]), 0);
        }
        cr_assert_eq(koken_exit(executor), 0);
        for (int j = RUNS - 1; j >= 0; j--) {
            cr_assert_eq(koken_teg_wait(stage.rt, runs[j], KOKEN_S(60)), 0);
            cr_assert(is_end(runs[j]));
            koken_teg_run_free(runs[j]);
        }
    }
    leave(stage, teg, NULL);
}

static int walk_and_end(koken_ctx *ctx, void *unused, const void *arg)
{
    const struct go *go = arg;
    struct koken_teg_run *run = NULL;
    (void)unused;
    expect(koken_teg_start(go->executor, go->teg, NULL, &run) == 0);
    expect(koken_exit(go->executor) == 0);
    expect(koken_teg_wait(ctx, run, KOKEN_S(60)) == 0);
    expect(is_end(run));
    koken_teg_run_free(run);
    (void)count(&told);
    return 0;
}

KOKEN_FIBER(ender, char, walk_and_end);

static int on_go_and_end(koken_ctx *ctx, struct client *self, const struct go *msg)
{
    expect(koken_teg_start(msg->executor, msg->teg, NULL, &self->run) == 0);
    expect(koken_exit(msg->executor) == 0);
    expect(koken_teg_ask(ctx, self->run, KOKEN_S(60)) > 0);
    return 0;
}

static int on_end(koken_ctx *ctx, struct client *self, const struct koken_teg_done *msg)
{
    (void)ctx;
    expect(msg->run == self->run);
    expect(is_end(self->run));
    koken_teg_run_free(self->run);
    (void)count(&told);
    return KOKEN_STOP;
}

KOKEN_AGENT(end_client, struct client, KOKEN_ON(go, on_go_and_end),
            KOKEN_ON(koken_teg_done, on_end));

Test(executor, fibers_and_handlers_hear_of_the_end_of_an_executor)
{
    enum { ROUNDS = 20 };
    struct stage stage = stage_of(2);
    struct koken_teg *teg = sleepy();
    reset(&told);
    for (int i = 0; i < ROUNDS; i++) {
        struct go go = {koken_teg_executor(stage.rt, NULL), teg};
        (void)koken_spawn(stage.rt, ender, .arg = &go, .arg_size = sizeof go);
        koken_ref who = koken_spawn(stage.rt, end_client),
                  other = koken_teg_executor(stage.rt, NULL);
        cr_assert_eq(koken_signal(who, go, .executor = other, .teg = teg), 0);
    }
    wait_for(&told, 2 * ROUNDS);
    leave(stage, teg, NULL);
}

/* Who gives up is told so; the run goes on, and the agent that watched it has gone. */
static int on_go_briefly(koken_ctx *ctx, struct client *self, const struct go *msg)
{
    expect(koken_teg_start(msg->executor, msg->teg, NULL, &self->run) == 0);
    expect(koken_teg_ask(ctx, self->run, KOKEN_MS(2)) > 0);
    return 0;
}

static int on_too_late(koken_ctx *ctx, struct client *self, const struct koken_failed *msg)
{
    if (msg->error != -ETIMEDOUT) {
        expect(false);
    }
    expect(!koken_teg_is_over(self->run));
    koken_teg_cancel(self->run);
    expect(koken_teg_ask(ctx, self->run, KOKEN_S(60)) > 0);
    return 0;
}

KOKEN_AGENT(brief_client, struct client, KOKEN_ON(go, on_go_briefly),
            KOKEN_ON(koken_failed, on_too_late), KOKEN_ON(koken_teg_done, on_end));

Test(executor, a_handler_may_give_up_and_ask_again)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = sleepy();
    reset(&told);
    koken_ref who = koken_spawn(stage.rt, brief_client);
    cr_assert_eq(koken_signal(who, go, .executor = stage.executor, .teg = teg), 0);
    wait_for(&told, 1);
    leave(stage, teg, NULL);
}

/* What is over is told again, at once, to threads. */
Test(executor, a_run_that_is_over_is_waited_for_again)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    (void)node_of(teg, NULL, add_up, 1);
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_wait(stage.rt, run, 0), 0);
    cr_assert_eq(koken_teg_wait((struct koken *)NULL, run, 0), -EINVAL);
    leave(stage, teg, run);
}

Test(executor, a_runtime_that_stops_cancels_runs)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = sleepy();
    struct koken_teg_run *run;
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_MS(5)), -ETIMEDOUT);
    struct koken_stop_plan plan = {KOKEN_MS(1), KOKEN_S(60), KOKEN_S(60)};
    cr_assert_eq(koken_stop_with(stage.rt, &plan, NULL), 0);
    cr_assert(koken_teg_is_over(run));
    cr_assert_eq(koken_teg_status(run), -ECANCELED);
    koken_teg_run_free(run);
    koken_teg_free(teg);
}

Test(executor, refuses_a_graph_that_is_wrong)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = node_of(teg, "a", add_up, 1);
    koken_teg_link(teg, a, a);
    struct koken_teg_run *run = NULL;
    cr_assert_eq(koken_teg_run(stage.rt, stage.executor, teg, NULL, KOKEN_S(1), &run), -EDEADLK);
    cr_assert_null(run);
    cr_assert_eq(koken_teg_start(stage.executor, NULL, NULL, &run), -EINVAL);
    leave(stage, teg, NULL);
}
