/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of cancellation (T115 to T118): the first reason wins, parents reach their children and never the other way
 * round, links, deadlines, scopes; callbacks run once, outside of locks, and may do anything; taking one back excludes it
 * or waits for it; deep trees take no stack; and nothing leaks whichever allocation fails.
 */
#include "test/support/runtime.h"

#include <koken/cancel.h>

static kn_atomic(uint32_t) called, entered, may_leave;

static void on_call(void *arg)
{
    (void)arg;
    count(&called);
}

static struct koken_source *source_of(struct koken *rt, const koken_token *parents, size_t n)
{
    struct koken_source *source = NULL;
    (void)kn_world_init();
    cr_assert_eq(koken_source_new(rt, parents, n, &source), 0);
    return source;
}

Test(cancel, first_reason_wins_and_is_told)
{
    struct koken_source *source = source_of(NULL, NULL, 0);
    koken_token token = koken_source_token(source);
    cr_assert_eq(koken_token_check(token), 0);
    cr_assert_eq(koken_token_reason(token), KOKEN_CANCEL_NONE);
    cr_assert_str_eq(koken_token_text(token), "");
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_EXHAUSTED, "no money"), 0);
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_USER, "too late"), -EALREADY);
    cr_assert_eq(koken_token_check(token), -ECANCELED);
    cr_assert(koken_token_is_requested(token));
    cr_assert(koken_token_is_cancelled(token));
    koken_source_free(source);
    cr_assert_eq(koken_token_reason(token), KOKEN_CANCEL_EXHAUSTED);
    cr_assert_str_eq(koken_token_text(token), "no money");
    koken_token_drop(&token);
    koken_token_drop(&token);
    cr_assert_null(token.source);
}

Test(cancel, bad_input)
{
    struct koken_source *source = source_of(NULL, NULL, 0);
    uint64_t nothing[32] = {0};
    koken_token foreign = {(struct koken_source *)(void *)nothing};
    struct koken_source *other;
    struct koken_hook *hook;
    cr_assert_eq(koken_source_new(NULL, NULL, 1, &other), -EINVAL);
    cr_assert_eq(koken_source_new(NULL, NULL, 0, NULL), -EINVAL);
    cr_assert_eq(koken_source_new(NULL, &foreign, 1, &other), -EINVAL);
    cr_assert_eq(koken_token_hook(foreign, on_call, NULL, &hook), -EINVAL);
    cr_assert_eq(koken_token_hook((koken_token){NULL}, on_call, NULL, &hook), -EINVAL);
    cr_assert_eq(koken_source_cancel(NULL, KOKEN_CANCEL_USER, NULL), -EINVAL);
    cr_assert_eq(koken_source_cancel(foreign.source, KOKEN_CANCEL_USER, NULL), -EINVAL);
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_NONE, NULL), -EINVAL);
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_COUNT_, NULL), -EINVAL);
    cr_assert_eq(koken_source_after(source, 1), -ENOTSUP);
    cr_assert_eq(koken_source_after(NULL, 1), -EINVAL);
    cr_assert_eq(koken_hook_end(NULL), -EINVAL);
    cr_assert_null(koken_token_keep(foreign).source);
    cr_assert_eq(koken_token_check((koken_token){NULL}), 0); /* none: never cancelled */
    koken_source_free(source);
    koken_source_free(NULL);
}

Test(cancel, parents_reach_children_but_not_the_other_way)
{
    struct koken_source *a = source_of(NULL, NULL, 0), *b = source_of(NULL, NULL, 0);
    koken_token both[2] = {koken_source_token(a), koken_source_token(b)};
    struct koken_source *child = source_of(NULL, both, 1);
    struct koken_source *sibling = source_of(NULL, both, 1);
    struct koken_source *linked = source_of(NULL, both, 2);
    koken_token mine = koken_source_token(child), theirs = koken_source_token(linked);
    cr_assert_eq(koken_source_cancel(sibling, KOKEN_CANCEL_USER, NULL), 0);
    cr_assert_eq(koken_token_check(both[0]), 0);
    cr_assert_eq(koken_token_check(mine), 0);
    cr_assert_eq(koken_source_cancel(b, KOKEN_CANCEL_USER, "why"), 0);
    cr_assert_eq(koken_token_reason(theirs), KOKEN_CANCEL_PARENT);
    cr_assert_str_eq(koken_token_text(theirs), "why");
    cr_assert_eq(koken_token_check(mine), 0);
    struct koken_source *late = source_of(NULL, both, 2); /* begins cancelled */
    cr_assert(koken_token_is_cancelled((koken_token){late}));
    koken_source_free(a); /* with children: they stay as they are */
    cr_assert_eq(koken_token_check(mine), 0);
    koken_token_drop(&both[0]);
    koken_token_drop(&both[1]);
    koken_token_drop(&mine);
    koken_token_drop(&theirs);
    koken_source_free(child);
    koken_source_free(b);
    koken_source_free(sibling);
    koken_source_free(linked);
    koken_source_free(late);
}

Test(cancel, a_deep_tree_takes_no_stack)
{
    enum { DEPTH = 100000 };
    static struct koken_source *line[DEPTH];
    line[0] = source_of(NULL, NULL, 0);
    for (int i = 1; i < DEPTH; i++) {
        koken_token parent = {line[i - 1]};
        line[i] = source_of(NULL, &parent, 1);
    }
    cr_assert_eq(koken_source_cancel(line[0], KOKEN_CANCEL_USER, NULL), 0);
    cr_assert(koken_token_is_cancelled((koken_token){line[DEPTH - 1]}));
    for (int i = 0; i < DEPTH; i++) {
        koken_source_free(line[i]);
    }
}

static struct koken_source *self_source;
static struct koken_hook *self_hook, *other_hook;
static int self_answer, other_answer;

/* All that a callback could deadlock with. */
static void on_busy(void *arg)
{
    koken_token token = {self_source};
    struct koken_hook *more;
    expect(arg == &self_answer);
    expect(koken_token_is_requested(token));
    expect(!koken_token_is_cancelled(token));
    expect(koken_source_cancel(self_source, KOKEN_CANCEL_USER, NULL) == -EALREADY);
    self_answer = koken_hook_end(self_hook);
    other_answer = koken_hook_end(other_hook);
    expect(koken_token_hook(token, on_call, NULL, &more) == 0); /* runs at once */
    expect(koken_hook_end(more) == -EALREADY);
    koken_source_free(self_source);
}

Test(cancel, callbacks_may_do_anything)
{
    self_source = source_of(NULL, NULL, 0);
    koken_token token = koken_source_token(self_source);
    reset(&called);
    cr_assert_eq(koken_token_hook(token, on_busy, &self_answer, &self_hook), 0);
    cr_assert_eq(koken_token_hook(token, on_call, NULL, &other_hook), 0);
    cr_assert_eq(koken_token_hook(token, on_call, NULL, NULL), 0);
    cr_assert_eq(koken_source_cancel(self_source, KOKEN_CANCEL_USER, NULL), 0);
    cr_assert_eq(self_answer, -EALREADY);
    cr_assert_eq(other_answer, 0);
    cr_assert_eq(reading(&called), 2); /* the one hung up there, and the detached one */
    koken_token_drop(&token);
    assert_nothing_wrong();
}

Test(cancel, hooks_that_were_not_called)
{
    struct koken_source *source = source_of(NULL, NULL, 0);
    koken_token token = {source};
    struct koken_hook *hook;
    reset(&called);
    cr_assert_eq(koken_token_hook(token, on_call, NULL, &hook), 0);
    cr_assert_eq(koken_token_hook(token, on_call, NULL, NULL), 0); /* goes with the source */
    cr_assert_eq(koken_hook_end(hook), 0);
    koken_source_free(source);
    cr_assert_eq(reading(&called), 0);
}

static void on_slow(void *arg)
{
    (void)arg;
    count(&entered);
    wait_for(&may_leave, 1);
    count(&called);
}

static void canceller(void *arg)
{
    expect(koken_source_cancel(arg, KOKEN_CANCEL_USER, NULL) == 0);
}

static void leaver(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        kn_thread_yield();
    }
    count(&may_leave);
}

Test(cancel, taking_back_waits_for_a_call_under_way)
{
    struct koken_source *source = source_of(NULL, NULL, 0);
    struct koken_hook *hook;
    struct kn_thread thread = {NULL}, other = {NULL};
    reset(&called);
    reset(&entered);
    reset(&may_leave);
    cr_assert_eq(koken_token_hook((koken_token){source}, on_slow, NULL, &hook), 0);
    cr_assert_eq(kn_thread_start(&thread, "canceller", canceller, source), 0);
    wait_for(&entered, 1);
    cr_assert_eq(kn_thread_start(&other, "leaver", leaver, NULL), 0);
    cr_assert_eq(koken_hook_end(hook), -EALREADY);
    cr_assert_eq(reading(&called), 1);
    kn_thread_join(&thread);
    kn_thread_join(&other);
    koken_source_free(source);
    assert_nothing_wrong();
}

static kn_atomic(uint32_t) racers;

static void racer(void *arg)
{
    count(&racers);
    wait_for(&racers, 2);
    canceller(arg);
}

Test(cancel, called_or_taken_back_and_never_both)
{
    for (int i = 0; i < 200 * SCALE; i++) {
        struct koken_source *source = source_of(NULL, NULL, 0);
        struct koken_source *child;
        koken_token token = {source};
        struct koken_hook *hook;
        struct kn_thread thread = {NULL};
        reset(&called);
        reset(&racers);
        cr_assert_eq(koken_source_new(NULL, &token, 1, &child), 0);
        cr_assert_eq(koken_token_hook((koken_token){child}, on_call, NULL, &hook), 0);
        cr_assert_eq(kn_thread_start(&thread, "racer", racer, source), 0);
        count(&racers);
        wait_for(&racers, 2);
        int rc = koken_hook_end(hook);
        koken_source_free(child);
        kn_thread_join(&thread);
        cr_assert_eq(reading(&called), rc == 0 ? 0 : 1);
        koken_source_free(source);
    }
    assert_nothing_wrong();
}

Test(cancel, deadlines_fire_by_themselves_and_can_be_taken_back)
{
    struct koken *rt = start(1);
    struct koken_source *source = source_of(rt, NULL, 0), *never = NULL;
    koken_token parent = {source};
    struct koken_source *child = source_of(rt, &parent, 1);
    reset(&called);
    int rc = -EALREADY;
    for (uint64_t after_ns = KOKEN_MS(1); rc < 0 && after_ns < KOKEN_S(20); after_ns *= 2) {
        koken_source_free(never);
        never = source_of(rt, NULL, 0);
        cr_assert_eq(koken_source_after(never, after_ns), 0);
        rc = koken_source_after(never, KOKEN_NO_DEADLINE); /* in time, or once more */
    }
    cr_assert_eq(rc, 0);
    cr_assert_eq(koken_token_hook((koken_token){child}, on_call, NULL, NULL), 0);
    uint64_t before = koken_now();
    cr_assert_eq(koken_source_after(source, KOKEN_S(100)), 0);
    cr_assert_eq(koken_source_after(source, KOKEN_MS(20)), 0); /* instead */
    cr_assert_eq(koken_source_after(child, KOKEN_S(100)), 0);
    int early = koken_token_check(parent);
    cr_assert(early == 0 || koken_now() - before >= KOKEN_MS(20));
    wait_for(&called, 1);
    cr_assert_geq(koken_now() - before, KOKEN_MS(20));
    cr_assert_eq(koken_token_reason(parent), KOKEN_CANCEL_TIMEOUT);
    cr_assert_eq(koken_token_reason((koken_token){child}), KOKEN_CANCEL_PARENT);
    cr_assert_eq(koken_token_check((koken_token){never}), 0);
    cr_assert_eq(koken_source_after(source, 1), -EALREADY);
    drain(rt); /* the wave may be on its way back */
    koken_source_free(child);
    koken_source_free(source);
    koken_source_free(never);
    stop(rt);
}

Test(cancel, a_stop_voids_deadlines)
{
    struct koken *rt = start(2);
    struct koken_source *sources[8];
    for (int i = 0; i < 8; i++) {
        sources[i] = source_of(rt, NULL, 0);
        cr_assert_eq(koken_source_after(sources[i], KOKEN_S(100)), 0);
    }
    cr_assert_eq(koken_stop(rt, KOKEN_S(10)), 0);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(koken_token_check((koken_token){sources[i]}), 0);
        koken_source_free(sources[i]);
    }
    rt = start(1);
    stop(rt);
}

Test(cancel, the_end_of_a_scope_cancels)
{
    koken_token token;
    {
        KOKEN_SCOPED_SOURCE struct koken_source *source = source_of(NULL, NULL, 0);
        token = koken_source_token(source);
    }
    cr_assert_eq(koken_token_reason(token), KOKEN_CANCEL_SCOPE);
    koken_token_drop(&token);
    koken_token_drop(&token);
    koken_token_drop(NULL);
}

#ifdef KN_DEBUG
Test(cancel, leaks_nothing_whichever_allocation_fails)
{
    struct koken *rt = start(1);
    for (uint64_t n = 0;; n++) {
        struct koken_source *source = NULL, *child = NULL;
        struct koken_hook *hook = NULL;
        kn_alloc_fail_after(n);
        int rc = koken_source_new(rt, NULL, 0, &source);
        if (rc == 0) {
            koken_token token = {source};
            rc = koken_source_new(rt, &token, 1, &child);
            rc = rc < 0 ? rc : koken_source_after(source, KOKEN_S(9));
            rc = rc < 0 ? rc : koken_token_hook(token, on_call, NULL, &hook);
        }
        bool is_over = kn_alloc_fail_is_armed();
        kn_alloc_fail_after(UINT64_MAX);
        cr_assert(rc == 0 || rc == -ENOMEM);
        if (hook) {
            cr_assert_eq(koken_hook_end(hook), 0);
        }
        koken_source_free(child);
        koken_source_free(source);
        if (is_over) {
            break;
        }
    }
    stop(rt);
}
#endif
