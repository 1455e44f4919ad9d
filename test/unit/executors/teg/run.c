/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves: memory that cannot be had fails a run and leaks nothing, observers are told every move once, and a run may be
 * cancelled wherever its nodes are.
 */
#include "test/support/teg.h"

#include <koken/teg_learn.h>

static kn_atomic(uint32_t) begun, completed;

static void observe(void *arg, const struct koken_teg_run *run, const struct koken_teg_event *event)
{
    (void)run;
    expect(arg == &begun);
    expect(event->at_ns > 0);
    (void)count(event->state == KOKEN_TEG_EXECUTING ? &begun : &completed);
}

Test(run, observers_are_told_everything_once)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    for (int i = 0; i < 500; i++) {
        (void)node_of(teg, NULL, add_up, 1);
    }
    struct koken_teg_options options = {.observe = observe, .observe_arg = &begun};
    reset(&begun);
    reset(&completed);
    struct koken_teg_run *run = run_with(stage, teg, &options);
    cr_assert_eq(reading(&begun), 500);
    cr_assert_eq(reading(&completed), 500);
    leave(stage, teg, run);
}

static int with_bytes(struct koken_teg_call *call)
{
    return koken_teg_answer_bytes(call, "x", 1);
}

#ifdef KN_DEBUG
/* The n-th allocation fails: the run ends with an error, or well; nothing leaks, nobody hangs. */
Test(run, memory_that_cannot_be_had_fails_a_run)
{
    struct stage stage = stage_of(1);
    uint64_t n = 0;
    bool is_armed = false;
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node a = koken_teg_add(teg, &(struct koken_teg_effect){.run = with_bytes}),
                   b = koken_teg_add(teg, &(struct koken_teg_effect){.run = with_bytes,
                                                                     .place = KOKEN_TEG_ON_POOL,
                                                                     .retries = 1,
                                                                     .retry_delay_ns = 1});
    koken_teg_node both[2] = {a, b};
    (void)koken_teg_parallel(teg, NULL, both, 2);
    cr_assert_eq(koken_teg_check(teg, NULL), 0);
    for (n = 0; n < 60 && !is_armed; n++) {
        struct koken_teg_run *run = NULL;
        kn_alloc_fail_after(n);
        int rc = koken_teg_run(stage.rt, stage.executor, teg, NULL, KOKEN_S(60), &run);
        is_armed = kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert(rc == 0 || rc == -ENOMEM, "%llu: %d", (unsigned long long)n, rc);
        if (rc == 0) {
            int status = koken_teg_status(run);
            cr_assert(status == 0 || status == -ENOMEM || status == -EAGAIN, "%d", status);
        }
        koken_teg_run_free(run);
        drain(stage.rt);
    }
    cr_assert(n > 4);
    leave(stage, teg, NULL);
}
#endif

/* Many short runs, one after the other: what they hold is given back as they end. */
Test(run, many_short_runs)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = with_bytes});
    for (int i = 0; i < 300; i++) {
        koken_teg_run_free(run_of(stage, teg));
    }
    leave(stage, teg, NULL);
}

/* ---- cancelled, in each state ---- */

static kn_atomic(uint32_t) entered, ran,
    gate; /* effects that are under way; that should not; what they wait for */
static kn_atomic(void *) token_of;

static int note(struct koken_teg_call *call)
{
    (void)call;
    (void)count(&ran);
    return 0;
}

static int give_token(struct koken_teg_call *call)
{
    koken_teg_token token = koken_teg_later(call);
    kn_store(&token_of, token.call, release);
    (void)count(&entered);
    return KOKEN_TEG_LATER;
}

static int sleep_for_ever(struct koken_teg_call *call)
{
    (void)count(&entered);
    return koken_teg_sleep(call, KOKEN_S(100000));
}

static int spin_until_cancelled(struct koken_teg_call *call)
{
    (void)count(&entered);
    while (!koken_teg_cancelled(call)) { /* ends: the test cancels */
        kn_thread_yield();
    }
    return 0;
}

static int fail_once(struct koken_teg_call *call)
{
    (void)call;
    (void)count(&entered);
    return -EPROTO;
}

/* On the pool: ends when the test says so. */
static int wait_at_gate(struct koken_teg_call *call)
{
    (void)count(&entered);
    while (reading(&gate) == 0) { /* ends: the test opens it */
        kn_thread_yield();
    }
    koken_teg_answer(call, 5);
    return 0;
}

static struct stage fresh_stage(unsigned workers, uint32_t lanes, uint32_t on_pool)
{
    struct koken_teg_config config = {.worker_count = lanes, .pool_count = on_pool};
    reset(&entered);
    reset(&ran);
    reset(&gate);
    return stage_with(workers, &config);
}

static struct koken_teg_run *started(struct stage stage, struct koken_teg *teg)
{
    struct koken_teg_run *run = NULL;
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &run), 0);
    return run;
}

static void wait_for_state(const struct koken_teg_run *run, koken_teg_node node,
                           enum koken_teg_state state)
{
    while (koken_teg_state(run, node) !=
           state) { /* ends: it gets there, or the test takes too long */
        kn_thread_yield();
    }
}

/* Cancels it now. It is over soon, though some of what it has begun may not have ended. */
static void cancel_it(struct stage stage, struct koken_teg_run *run)
{
    koken_teg_cancel(run);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_status(run), -ECANCELED);
    for (uint32_t i = 1; i <= koken_teg_count(koken_teg_graph(run)); i++) {
        assert_state(run, (koken_teg_node){i}, KOKEN_TEG_CANCELLED);
    }
    cr_assert_eq(reading(&ran), 0);
}

/* trusted: graph and run of the test outlive its agents */
KOKEN_MESSAGE_TRUSTED(start_and_cancel, {
    koken_ref executor;
    struct koken_teg *teg;
    struct koken_teg_run **run;
});

struct canceller {
    char nothing;
};

/* On the only worker: the executor has not had a turn since. */
static int on_start(koken_ctx *ctx, struct canceller *self, const struct start_and_cancel *msg)
{
    (void)ctx;
    (void)self;
    expect(koken_teg_start(msg->executor, msg->teg, NULL, msg->run) == 0);
    koken_teg_cancel(*msg->run);
    expect(!koken_teg_is_over(*msg->run));
    (void)count(&entered);
    return 0;
}

KOKEN_AGENT(canceller, struct canceller, KOKEN_ON(start_and_cancel, on_start));

Test(run, cancelled_before_it_begins)
{
    struct stage stage = fresh_stage(1, 1, 1);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_run *run = NULL;
    koken_teg_node first = koken_teg_add(
        teg, &(struct koken_teg_effect){.run = give_token, .place = KOKEN_TEG_ELSEWHERE});
    koken_teg_link(teg, first, koken_teg_add(teg, &(struct koken_teg_effect){.run = note}));
    kn_store(&token_of, NULL, relaxed);
    koken_ref who = koken_spawn(stage.rt, canceller);
    cr_assert_eq(
        koken_signal(who, start_and_cancel, .executor = stage.executor, .teg = teg, .run = &run),
        0);
    wait_for(&entered, 1);
    cancel_it(stage, run);
    drain(stage.rt);
    if (kn_load(&token_of, acquire)) { /* the lane was before the sweeper */
        koken_teg_token token = {kn_load(&token_of, acquire)};
        cr_assert_eq(koken_teg_finish(token, 0, 1, NULL, 0), -ECANCELED);
    }
    leave(stage, teg, run);
}

Test(run, cancelled_while_some_are_pending_and_one_is_elsewhere)
{
    struct stage stage = fresh_stage(2, 2, 1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node first = koken_teg_add(
        teg, &(struct koken_teg_effect){.run = give_token, .place = KOKEN_TEG_ELSEWHERE});
    koken_teg_node last = koken_teg_add(teg, &(struct koken_teg_effect){.run = note});
    koken_teg_link(teg, first, last);
    struct koken_teg_run *run = started(stage, teg);
    wait_for(&entered, 1);
    assert_state(run, first, KOKEN_TEG_EXECUTING);
    assert_state(run, last, KOKEN_TEG_PENDING);
    cancel_it(stage, run);
    koken_teg_token token = {kn_load(&token_of, acquire)};
    cr_assert_eq(koken_teg_finish(token, 0, 1, NULL, 0), -ECANCELED);
    leave(stage, teg, run);
}

/* One lane, so that the second is ready behind the first; and a worker more, which sweeps. */
Test(run, cancelled_while_one_is_on_its_worker_and_one_is_ready)
{
    struct stage stage = fresh_stage(2, 1, 1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node first =
        koken_teg_add(teg, &(struct koken_teg_effect){.run = spin_until_cancelled, .cost = 100});
    koken_teg_node second = koken_teg_add(teg, &(struct koken_teg_effect){.run = note});
    struct koken_teg_run *run = started(stage, teg);
    wait_for(&entered, 1);
    assert_state(run, first, KOKEN_TEG_EXECUTING);
    assert_state(run, second, KOKEN_TEG_READY);
    cancel_it(stage, run);
    leave(stage, teg, run);
}

Test(run, cancelled_while_one_is_on_the_pool_and_one_has_no_room_there)
{
    struct stage stage = fresh_stage(2, 1, 1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node first = koken_teg_add(
        teg,
        &(struct koken_teg_effect){.run = sleep_for_ever, .place = KOKEN_TEG_ON_POOL, .cost = 100});
    koken_teg_node second =
        koken_teg_add(teg, &(struct koken_teg_effect){.run = note, .place = KOKEN_TEG_ON_POOL});
    struct koken_teg_run *run = started(stage, teg);
    wait_for(&entered, 1);
    assert_state(run, first, KOKEN_TEG_EXECUTING);
    assert_state(run, second, KOKEN_TEG_READY);
    cancel_it(stage, run);
    leave(stage, teg, run);
}

Test(run, cancelled_while_one_waits_for_another_attempt)
{
    struct stage stage = fresh_stage(2, 2, 1);
    struct koken_teg *teg = koken_teg_new();
    koken_teg_node first =
        koken_teg_add(teg, &(struct koken_teg_effect){
                               .run = fail_once, .retries = 1, .retry_delay_ns = KOKEN_S(100000)});
    struct koken_teg_run *run = started(stage, teg);
    wait_for(&entered, 1);
    wait_for_state(run, first, KOKEN_TEG_READY);
    cancel_it(stage, run);
    cr_assert_eq(reading(&entered), 1);
    leave(stage, teg, run);
}

/* The second run waits for what the first makes. */
Test(run, cancelled_while_one_waits_for_the_cache)
{
    struct koken_teg_cache *cache = koken_teg_cache_new(0, 0);
    struct koken_teg_config config = {.worker_count = 2, .cache = cache};
    struct koken_teg_cache_stats stats = {0};
    reset(&entered);
    reset(&ran);
    reset(&gate);
    struct stage stage = stage_with(2, &config);
    struct koken_teg *teg = koken_teg_new();
    int number = 1;
    koken_teg_node node = koken_teg_add(teg, &(struct koken_teg_effect){.run = wait_at_gate,
                                                                        .kind = KOKEN_TEG_PURE,
                                                                        .place = KOKEN_TEG_ON_POOL,
                                                                        .arg = &number,
                                                                        .arg_size = sizeof number,
                                                                        .is_cached = true});
    struct koken_teg_run *maker = started(stage, teg);
    wait_for(&entered, 1);
    struct koken_teg_run *run = started(stage, teg);
    while (stats.shared == 0) { /* ends: it finds that it is being made */
        koken_teg_cache_stats(cache, &stats);
        kn_thread_yield();
    }
    cancel_it(stage, run);
    (void)count(&gate);
    cr_assert_eq(koken_teg_wait(stage.rt, maker, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_value(maker, node).number, 5);
    cr_assert_eq(reading(&entered), 1);
    koken_teg_run_free(maker);
    koken_teg_run_free(run);
    koken_teg_free(teg);
    cr_assert_eq(koken_stop(stage.rt, KOKEN_S(60)), 0);
    koken_teg_cache_free(cache);
    assert_nothing_wrong();
}

/* How it has gone is decided then: it is undone to the end. */
Test(run, cancelled_while_it_is_undone)
{
    struct stage stage = fresh_stage(2, 2, 1);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_options options = {.undo = true};
    struct koken_teg_run *run = NULL;
    struct koken_teg_metrics m;
    koken_teg_node first =
        koken_teg_add(teg, &(struct koken_teg_effect){
                               .run = add_up, .undo = wait_at_gate, .place = KOKEN_TEG_ON_POOL});
    koken_teg_link(teg, first, node_of(teg, NULL, do_fail, 0));
    cr_assert_eq(koken_teg_start(stage.executor, teg, &options, &run), 0);
    wait_for(&entered, 1);
    cr_assert(!koken_teg_is_over(run));
    koken_teg_cancel(run);
    (void)count(&gate);
    cr_assert_eq(koken_teg_wait(stage.rt, run, KOKEN_S(60)), 0);
    cr_assert_eq(koken_teg_status(run), -EPROTO);
    assert_state(run, first, KOKEN_TEG_COMPLETED);
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.undone, 1);
    leave(stage, teg, run);
}
