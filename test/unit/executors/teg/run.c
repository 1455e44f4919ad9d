/* SPDX-License-Identifier: Apache-2.0 */
/* Proves: memory that cannot be had fails a run and leaks nothing, and observers are told every move once. */
#include "test/support/teg.h"

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
        /* -EPROTO: the claim to an answer could not be kept. */
        cr_assert(rc == 0 || rc == -ENOMEM || rc == -EPROTO, "%llu: %d", (unsigned long long)n, rc);
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
