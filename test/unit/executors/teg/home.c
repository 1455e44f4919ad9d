/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that a runtime that is killed with a graph under way ends its run as cancelled and leaves nothing, that a token may
 * be finished after that, that the gate is closed then, and that a thread outside may let go of it meanwhile.
 */
#include "executors/teg/home.h"

#include "sched/errand.h"
#include "test/support/teg.h"

#include <koken/runtime.h>

static kn_atomic(void *) token_of; /* a call whose token the test has */
static kn_atomic(uint32_t) undone, calls;

static int give_token(struct koken_teg_call *call)
{
    koken_teg_token token = koken_teg_later(call);
    kn_store(&token_of, token.call, release);
    return KOKEN_TEG_LATER;
}

static int undo(struct koken_teg_call *call)
{
    (void)call;
    (void)count(&undone);
    return 0;
}

/* Without a phase to cancel in: the executor has no turn any more. */
static struct koken_stop_report kill_runtime(struct koken *rt)
{
    struct koken_stop_plan plan = {.kill_ns = KOKEN_S(60)};
    struct koken_stop_report report;
    cr_assert_eq(koken_stop_with(rt, &plan, &report), 0);
    return report;
}

Test(home, a_killed_runtime_ends_its_runs)
{
    struct stage stage = stage_of(2);
    struct koken_teg *teg = koken_teg_new();
    struct koken_teg_options options = {.undo = true};
    koken_teg_node first = koken_teg_add(
        teg, &(struct koken_teg_effect){.run = give_token, .place = KOKEN_TEG_ELSEWHERE});
    koken_teg_node done =
        koken_teg_add(teg, &(struct koken_teg_effect){.run = add_up, .undo = undo});
    koken_teg_node after = node_of(teg, NULL, add_up, 1);
    struct koken_teg_run *run, *other;
    koken_teg_link(teg, first, after);
    reset(&undone);
    kn_store(&token_of, NULL, relaxed);
    cr_assert_eq(koken_teg_start(stage.executor, teg, &options, &run), 0);
    while (!kn_load(&token_of, acquire)) {
        kn_thread_yield();
    }
    koken_teg_token token = {kn_swap(&token_of, NULL, acquire)};
    while (koken_teg_state(run, done) != KOKEN_TEG_COMPLETED) {
        kn_thread_yield();
    }
    cr_assert_eq(koken_teg_start(stage.executor, teg, NULL, &other), 0); /* its token is lost */
    while (!kn_load(&token_of, acquire)) {
        kn_thread_yield();
    }
    koken_teg_token lost = {kn_swap(&token_of, NULL, acquire)};
    cr_assert_eq(kill_runtime(stage.rt).killed, 1); /* the executor */
    cr_assert(koken_teg_is_over(run) && koken_teg_is_over(other));
    cr_assert_eq(koken_teg_status(run), -ECANCELED);
    assert_state(run, first, KOKEN_TEG_CANCELLED);
    assert_state(run, done, KOKEN_TEG_COMPLETED);
    assert_state(run, after, KOKEN_TEG_CANCELLED);
    struct koken_teg_metrics m;
    cr_assert_eq(koken_teg_metrics(run, &m), 0);
    cr_assert_eq(m.undo_failures, 1);
    cr_assert_eq(reading(&undone), 0);
    koken_teg_cancel(run); /* harmless */
    cr_assert_eq(koken_teg_finish(token, 0, 1, NULL, 0), -ECANCELED);
    koken_teg_run_free(run);
    koken_teg_run_free(other);
    cr_assert_eq(koken_teg_finish(lost, 0, 1, "late", 4), -ECANCELED); /* frees it */
    koken_teg_free(teg);
}

static void call(struct kn_errand *errand, struct kn_worker *worker)
{
    (void)errand;
    cr_assert_not_null(worker);
    (void)count(&calls);
}

static void cut(void *arg)
{
    struct kn_teg_home **home = arg;
    (*home)->cut = NULL;
    (void)count(&calls);
}

Test(home, the_gate_is_closed_when_the_runtime_has_ended)
{
    struct koken *rt = start(1);
    struct kn_teg_home *home;
    struct kn_errand errand;
    kn_errand_init(&errand, call);
    reset(&calls);
    cr_assert_eq(kn_teg_home_new(rt, cut, &home, &home), 0);
    cr_assert(kn_teg_home_ready(home, &errand.run, KN_PRIO_NORMAL));
    wait_for(&calls, 1);
    (void)kill_runtime(rt);
    cr_assert_eq(reading(&calls), 2);
    cr_assert(!kn_teg_home_ready(home, &errand.run, KN_PRIO_NORMAL));
    kn_teg_home_unref(home);
}

Test(home, one_that_goes_first_is_not_told)
{
    struct koken *rt = start(1);
    struct kn_teg_home *home;
    reset(&calls);
    cr_assert_eq(kn_teg_home_new(rt, cut, &home, &home), 0);
    kn_teg_home_ref(home);
    kn_teg_home_unref(home);
    home->cut = NULL;
    kn_teg_home_unref(home);
    stop(rt);
    cr_assert_eq(reading(&calls), 0);
}

static void give_back(void *arg)
{
    kn_teg_home_unref(arg);
}

Test(home, the_last_share_may_come_back_while_the_runtime_ends)
{
    for (int i = 0; i < 20; i++) {
        struct koken *rt = start(1);
        struct kn_teg_home *home;
        struct kn_thread thread = {0};
        cr_assert_eq(kn_teg_home_new(rt, NULL, NULL, &home), 0);
        cr_assert_eq(kn_thread_start(&thread, "outside", give_back, home), 0);
        kill_all(rt);
        kn_thread_join(&thread);
    }
}
