/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: T17 a node that sleeps for ever times out and holds no worker, late results are dropped, retries with
 * and without a delay, nodes that end elsewhere, a full pool, and cancellation that reaches who waits.
 */
#include "test/support/teg.h"

static kn_atomic(uint32_t) began, ended, cancels;

static int sleep_long(struct koken_teg_call *call)
{
    (void)count(&began);
    int rc = koken_teg_sleep(call, KOKEN_S(3600));
    (void)count(&ended);
    koken_teg_answer(call, 99);
    return rc == -ECANCELED ? 0 : rc; /* as if it had come to an end: too late */
}

static koken_teg_node on_pool(struct koken_teg *teg, int (*run)(struct koken_teg_call *call),
                              uint64_t timeout_ns)
{
    return koken_teg_add(teg, &(struct koken_teg_effect){.run = run,
                                                         .place = KOKEN_TEG_ON_POOL,
                                                         .timeout_ns = timeout_ns});
}

/* T17: sleeps an hour, may take 50 ms: timed out; dependents cancelled; late result ignored. */
Test(flight, t17_a_node_that_sleeps_times_out)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node slow = on_pool(teg, sleep_long, KOKEN_MS(50)),
                   after = node_of(teg, NULL, add_up, 1), other = node_of(teg, NULL, add_up, 1);
    koken_teg_link(teg, slow, after);
    reset(&ended);
    struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
    uint64_t start_ns = kn_now();
    struct koken_teg_run *run = run_with(stage, teg, &options);
    cr_assert_geq(kn_now() - start_ns, KOKEN_MS(50));
    cr_assert_eq(koken_teg_status(run), -ETIMEDOUT);
    assert_state(run, slow, KOKEN_TEG_TIMED_OUT);
    assert_state(run, after, KOKEN_TEG_CANCELLED);
    assert_state(run, other, KOKEN_TEG_COMPLETED);
    wait_for(&ended, 1);
    assert_state(run, slow, KOKEN_TEG_TIMED_OUT);
    cr_assert(koken_teg_value(run, slow).is_missing);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.timeouts, 1);
    leave(stage, teg, run);
}

static kn_atomic(struct koken_teg_run *) watched;

/* Keeps its worker until the first node has timed out, at most for 20 s. */
static int keep_worker(struct koken_teg_call *call)
{
    uint64_t end = kn_now() + KOKEN_S(20);
    const struct koken_teg_run *run = NULL;
    (void)count(&began);
    while (run == NULL && kn_now() < end) {
        run = kn_load(&watched, acquire);
        kn_thread_yield();
    }
    while (koken_teg_state(run, (koken_teg_node){1}) != KOKEN_TEG_TIMED_OUT && kn_now() < end) {
        kn_thread_yield();
    }
    koken_teg_answer(call, koken_teg_state(run, (koken_teg_node){1}));
    return 0;
}

/* A deadline does not wait for the worker that has begun the node, nor for any other. */
Test(flight, deadlines_hold_while_all_workers_are_kept)
{
    for (unsigned workers = 1; workers < 3; workers++) {
        struct koken_teg_config config = {.worker_count = workers};
        struct stage stage = stage_with(workers, &config);
        struct koken_teg *teg = koken_teg_new();
        struct koken_teg_run *run;
        koken_teg_node slow =
            koken_teg_add(teg, &(struct koken_teg_effect){.run = sleep_long,
                                                          .place = KOKEN_TEG_ON_POOL,
                                                          .cost = 1000, /* begins first */
                                                          .timeout_ns = KOKEN_MS(5)});
        koken_teg_node kept[2];
        for (unsigned i = 0; i < workers; i++) {
            kept[i] = node_of(teg, NULL, keep_worker, 0);
        }
        reset(&began);
        kn_store(&watched, NULL, relaxed);
        struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
        cr_assert_eq(koken_teg_start(stage.executor, teg, &options, &run), 0);
        kn_store(&watched, run, release);
        cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
        assert_state(run, slow, KOKEN_TEG_TIMED_OUT);
        for (unsigned i = 0; i < workers; i++) {
            cr_assert_eq(koken_teg_value(run, kept[i]).number, KOKEN_TEG_TIMED_OUT);
        }
        leave(stage, teg, run);
    }
}

/* The last node of all times out while the only worker is kept by another run's: that run ends all the same. */
Test(flight, a_run_ends_by_a_deadline_alone)
{
    struct koken_teg_config config = {.worker_count = 1};
    struct stage stage = stage_with(1, &config);
    struct koken_teg *late = koken_teg_new(), *keeps = koken_teg_new();
    struct koken_teg_run *run, *keeper;
    koken_teg_node slow = on_pool(late, sleep_long, KOKEN_MS(20));
    (void)node_of(keeps, NULL, keep_worker, 0);
    reset(&began);
    kn_store(&watched, NULL, relaxed);
    cr_assert_eq(koken_teg_start(stage.executor, late, NULL, &run), 0);
    wait_for(&began, 1); /* on the pool */
    cr_assert_eq(koken_teg_start(stage.executor, keeps, NULL, &keeper), 0);
    wait_for(&began, 2);
    kn_store(&watched, run, release);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_status(run), -ETIMEDOUT);
    assert_state(run, slow, KOKEN_TEG_TIMED_OUT);
    cr_assert_eq(koken_teg_wait(stage.rt, keeper, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_value(keeper, (koken_teg_node){1}).number, KOKEN_TEG_TIMED_OUT);
    koken_teg_run_free(keeper);
    koken_teg_free(keeps);
    leave(stage, late, run);
}

/* While nodes sleep on the pool, one worker runs a thousand others. */
Test(flight, sleeping_nodes_hold_no_worker)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run;
    koken_teg_node last = {0};
    for (int i = 0; i < 3; i++) {
        (void)on_pool(teg, sleep_long, 0);
    }
    for (int i = 0; i < 1000; i++) {
        last = node_of(teg, NULL, add_up, 1);
    }
    reset(&began);
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    wait_for(&began, 3);
    while (koken_teg_state(run, last) != KOKEN_TEG_COMPLETED) {
        kn_thread_yield();
    }
    uint32_t total;
    while (koken_teg_progress(run, &total) < 1000) {
        kn_thread_yield();
    }
    cr_assert_eq(total, 1003);
    koken_teg_cancel(run);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    leave(stage, teg, run);
}

static int short_job(struct koken_teg_call *call)
{
    koken_teg_answer(call, 1);
    return 0;
}

/* More nodes than the pool may run: they wait for each other, and all run. */
Test(flight, a_full_pool_is_waited_for)
{
    struct koken_teg_config config = {.pool_count = 2};
    struct stage stage = stage_with(2, &config);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node sum = node_of(teg, NULL, add_up, 0);
    for (int i = 0; i < 300; i++) {
        koken_teg_link(teg, on_pool(teg, short_job, 0), sum);
    }
    struct koken_teg_run *run = run_of(stage, teg);
    cr_assert_eq(koken_teg_value(run, sum).number, 300);
    leave(stage, teg, run);
}

/* ---- retries ---- */

static int third_time(struct koken_teg_call *call)
{
    koken_teg_answer(call, koken_teg_attempt(call));
    return koken_teg_attempt(call) < 2 ? -EAGAIN : 0;
}

Test(flight, a_failure_is_tried_again)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node now = koken_teg_add(teg,
                                       &(struct koken_teg_effect){.run = third_time, .retries = 2}),
                   later = koken_teg_add(teg,
                                         &(struct koken_teg_effect){.run = third_time,
                                                                    .retries = 5,
                                                                    .retry_delay_ns = KOKEN_MS(2)}),
                   pool = koken_teg_add(teg, &(struct koken_teg_effect){.run = third_time,
                                                                        .place = KOKEN_TEG_ON_POOL,
                                                                        .retries = 2}),
                   few = koken_teg_add(teg,
                                       &(struct koken_teg_effect){.run = third_time, .retries = 1});
    struct koken_teg_options options = {.failure = KOKEN_TEG_ISOLATE};
    uint64_t start_ns = kn_now();
    struct koken_teg_run *run = run_with(stage, teg, &options);
    cr_assert_geq(kn_now() - start_ns, KOKEN_MS(6)); /* 2 and 4 */
    cr_assert_eq(koken_teg_value(run, now).number, 2);
    cr_assert_eq(koken_teg_value(run, later).number, 2);
    cr_assert_eq(koken_teg_value(run, pool).number, 2);
    assert_state(run, few, KOKEN_TEG_FAILED);
    cr_assert_eq(koken_teg_times(run, few).attempts, 2);
    cr_assert_eq(koken_teg_status(run), -EAGAIN);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.retries, 7);
    leave(stage, teg, run);
}

/* A node that waits an hour for its next attempt does not hold up a cancelled run. */
Test(flight, a_waiting_retry_is_cancelled)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run;
    (void)koken_teg_add(teg, &(struct koken_teg_effect){
                                 .run = third_time, .retries = 3, .retry_delay_ns = KOKEN_S(3600)});
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_MS(5)), -ETIMEDOUT);
    koken_teg_cancel(run);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_status(run), -ECANCELED);
    leave(stage, teg, run);
}

/* ---- elsewhere ---- */

static kn_atomic(void *) token_of; /* a call whose token the test has */

static int give_token(struct koken_teg_call *call)
{
    koken_teg_token token = koken_teg_later(call);
    kn_store(&token_of, token.call, release);
    return KOKEN_TEG_LATER;
}

static int at_once(struct koken_teg_call *call)
{
    koken_teg_token token = koken_teg_later(call);
    expect(koken_teg_finish(token, 0, 5, "five", 4) == 0);
    return KOKEN_TEG_LATER;
}

static koken_teg_token take_token(void)
{
    koken_teg_token token = {NULL};
    while (!token.call) {
        token.call = kn_swap(&token_of, NULL, acquire);
        kn_thread_yield();
    }
    return token;
}

Test(flight, a_node_may_end_elsewhere)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = koken_teg_add(teg, &(struct koken_teg_effect){.run = give_token,
                                                                     .place = KOKEN_TEG_ELSEWHERE}),
                   b = koken_teg_add(teg, &(struct koken_teg_effect){.run = at_once,
                                                                     .place = KOKEN_TEG_ELSEWHERE}),
                   c = koken_teg_add(teg, &(struct koken_teg_effect){.run = short_job,
                                                                     .place = KOKEN_TEG_ELSEWHERE}),
                   sum = node_of(teg, NULL, add_up, 0);
    koken_teg_link(teg, a, sum);
    koken_teg_link(teg, b, sum);
    koken_teg_link(teg, c, sum);
    struct koken_teg_run *run;
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    cr_assert_eq(koken_teg_finish(take_token(), 0, 36, NULL, 0), 0);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_value(run, sum).number, 42);
    cr_assert_eq(koken_teg_value(run, b).size, 4);
    cr_assert_str_eq(koken_teg_value(run, b).bytes, "five");
    leave(stage, teg, run);
}

Test(flight, a_late_token_is_told)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = koken_teg_add(teg, &(struct koken_teg_effect){.run = give_token,
                                                                     .place = KOKEN_TEG_ELSEWHERE,
                                                                     .timeout_ns = KOKEN_MS(5)});
    struct koken_teg_run *run = run_of(stage, teg);
    assert_state(run, a, KOKEN_TEG_TIMED_OUT);
    cr_assert_eq(koken_teg_finish(take_token(), 0, 36, "late", 4), -ECANCELED);
    drain(stage.rt);
    cr_assert(koken_teg_value(run, a).is_missing);
    leave(stage, teg, run);
}

/* ---- cancelling ---- */

static void on_cancel(void *arg)
{
    (void)count(arg);
}

static int wait_to_be_told(struct koken_teg_call *call)
{
    cr_assert_eq(koken_teg_on_cancel(call, on_cancel, &cancels), 0);
    (void)count(&began);
    while (!koken_teg_cancelled(call)) {
        kn_thread_yield();
    }
    while (kn_load(&cancels, acquire) == 0) {
        kn_thread_yield();
    }
    return koken_teg_on_cancel(call, on_cancel, &cancels); /* late: called at once */
}

static int not_on_a_worker(struct koken_teg_call *call)
{
    expect(koken_teg_sleep(call, 1) == -ENOTSUP);
    expect(koken_teg_on_cancel(call, on_cancel, &cancels) == -ENOTSUP);
    return 0;
}

Test(flight, who_is_cancelled_is_told)
{
    struct stage stage = stage_of(1);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run;
    (void)on_pool(teg, wait_to_be_told, 0);
    (void)node_of(teg, NULL, not_on_a_worker, 0);
    reset(&began);
    reset(&cancels);
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    wait_for(&began, 1);
    koken_teg_cancel(run);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    koken_teg_run_free(run);
    koken_teg_free(teg);
    stop(stage.rt);
    cr_assert_eq(reading(&cancels), 2);
}
