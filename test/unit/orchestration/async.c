/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of asynchronous calls (T121, T122): results for threads, fibers, handlers; waits that a cancellation interrupts; time-outs;
 * bounds; what is not begun is not called; a runtime that ends first; bad input; no leak.
 */
#include "test/support/runtime.h"

#include <koken/async.h>
#include <koken/channel.h>
#include <koken/fiber.h>
#include <koken/group.h>

#include <string.h>

static kn_atomic(uint32_t) begun, ended, results, gate;
static kn_atomic(int) outcome;

static void clear(void)
{
    reset(&begun);
    reset(&ended);
    reset(&results);
    reset(&gate);
}

static struct koken_async *async_of(struct koken *rt, uint32_t tasks_max)
{
    struct koken_async *async = NULL;
    struct koken_async_options o = {.tasks_max = tasks_max};
    cr_assert_eq(koken_async_new(rt, &o, &async), 0);
    return async;
}

struct terms {
    int a, b;
};

static int add(koken_ctx *ctx, void *arg, void *ret_value)
{
    const struct terms *terms = arg;
    expect(koken_yield(ctx) == 0);
    *(int *)ret_value = terms->a + terms->b;
    return 0;
}

static struct koken_future *sum_of(struct koken_async *async, int a, int b)
{
    struct terms terms = {a, b};
    struct koken_future *future = NULL;
    struct koken_task task = {
        .fn = add, .arg = &terms, .arg_size = sizeof terms, .value_size = sizeof(int)};
    expect(koken_async_run(async, &task, &future) == 0);
    return future;
}

static int sleeping(koken_ctx *ctx, void *arg, void *ret_value)
{
    (void)ret_value;
    count(&begun);
    int rc = koken_sleep(ctx, *(const uint64_t *)arg);
    count(&ended);
    return rc;
}

static int failing(koken_ctx *ctx, void *arg, void *ret_value)
{
    (void)ctx;
    (void)ret_value;
    count(&begun);
    return *(int *)arg;
}

static struct koken_future *run(struct koken_async *async, struct koken_task task)
{
    struct koken_future *future = NULL;
    cr_assert_eq(koken_async_run(async, &task, &future), 0);
    return future;
}

static uint64_t long_ns = KOKEN_S(100), short_ns = KOKEN_MS(1);

Test(async, results_and_counts)
{
    struct koken *rt = start(2);
    struct koken_async *async = async_of(rt, 0), *moved = async;
    struct koken_async_stats stats;
    struct koken_future *both[2], *all;
    int got = 0, pair[2], eperm = -EPERM;
    both[0] = sum_of(moved, 4, 1);
    cr_assert_eq(koken_future_wait(both[0], KOKEN_S(60), &got), 0);
    cr_assert_eq(got, 5);
    both[1] = sum_of(async, 20, 22);
    cr_assert_eq(koken_future_all(both, 2, &all), 0);
    cr_assert_eq(koken_future_wait(all, KOKEN_S(60), &pair), 0);
    cr_assert_eq(pair[0] + pair[1], 47);
    koken_future_drop(all);
    koken_future_drop(both[0]);
    koken_future_drop(both[1]);
    struct koken_future *failed = run(async, (struct koken_task){.fn = failing, .arg = &eperm});
    cr_assert_eq(koken_future_join(failed, KOKEN_S(60)), -EPERM);
    koken_future_drop(failed);
    clear();
    for (int i = 0; i < 2; i++) { /* nobody wants to know */
        cr_assert_eq(
            koken_async_run(async, &(struct koken_task){.fn = sleeping, .arg = &short_ns}, NULL),
            0);
    }
    cr_assert_eq(koken_async_wait(async, KOKEN_S(60)), 0);
    cr_assert_eq(reading(&ended), 2);
    cr_assert_eq(koken_async_stats_get(async, &stats), 0);
    cr_assert_eq(stats.started, 5);
    cr_assert_eq(stats.done, 4);
    cr_assert_eq(stats.failed, 1);
    cr_assert_eq(stats.alive, 0);
    koken_async_free(async);
    stop(rt);
}

Test(async, a_cancellation_interrupts_a_wait)
{
    struct koken *rt = start(1);
    struct koken_async *async = async_of(rt, 0);
    struct koken_source *source;
    clear();
    cr_assert_eq(koken_source_new(rt, NULL, 0, &source), 0);
    struct koken_future *one =
        run(async, (struct koken_task){.fn = sleeping, .arg = &long_ns, .token = {source}});
    struct koken_future *other =
        run(async, (struct koken_task){.fn = sleeping, .arg = &long_ns, .timeout_ns = KOKEN_MS(2)});
    wait_for(&begun, 1); /* the other one's time may be over before it begins */
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_USER, NULL), 0);
    cr_assert_eq(koken_future_join(one, KOKEN_S(60)), -ECANCELED);
    cr_assert_eq(koken_future_join(other, KOKEN_S(60)), -ETIMEDOUT);
    koken_future_drop(one);
    koken_future_drop(other);
    uint32_t before = reading(&begun);
    /* Of one whose token is cancelled already, fn is not called. */
    one = run(async, (struct koken_task){.fn = sleeping, .arg = &long_ns, .token = {source}});
    cr_assert_eq(koken_future_join(one, KOKEN_S(60)), -ECANCELED);
    cr_assert_eq(reading(&begun), before);
    koken_future_drop(one);
    koken_source_free(source);
    /* All of them. */
    one = run(async, (struct koken_task){.fn = sleeping, .arg = &long_ns});
    wait_for(&begun, before + 1);
    cr_assert_eq(koken_async_wait(async, KOKEN_MS(1)), -ETIMEDOUT);
    cr_assert_eq(koken_async_cancel(async), 0);
    cr_assert_eq(koken_async_cancel(async), -EALREADY);
    cr_assert_eq(koken_future_join(one, KOKEN_S(60)), -ECANCELED);
    koken_future_drop(one);
    cr_assert_eq(koken_async_run(async, &(struct koken_task){.fn = sleeping}, NULL), -ECANCELED);
    cr_assert_eq(koken_async_wait(async, KOKEN_S(60)), 0);
    koken_async_free(async);
    stop(rt);
}

static int looking(koken_ctx *ctx, void *arg, void *ret_value)
{
    struct koken_async *async = arg;
    koken_token token = koken_async_token(ctx);
    struct koken_future *sum = sum_of(async, 1, 2);
    int got = 0;
    expect(koken_token_check(token) == 0);
    expect(koken_async_wait(async, KOKEN_S(1)) == -EDEADLK);
    expect(koken_future_wait(sum, KOKEN_S(60), &got) == 0); /* a plain call */
    koken_future_drop(sum);
    koken_token_drop(&token);
    *(int *)ret_value = got;
    return 0;
}

Test(async, bounds_and_nesting)
{
    struct koken *rt = start(1);
    struct koken_async *async = async_of(rt, 2);
    struct koken_async_stats stats;
    int got = 0;
    clear();
    struct koken_task long_one = {.fn = sleeping, .arg = &long_ns};
    struct koken_future *one = run(async, long_one), *two = run(async, long_one);
    cr_assert_eq(koken_async_run(async, &long_one, NULL), -EAGAIN);
    koken_future_drop(two);
    cr_assert_eq(koken_async_stats_get(async, &stats), 0);
    cr_assert_eq(stats.refused, 1);
    cr_assert_eq(stats.alive, 2); /* a share given back does not cancel */
    koken_async_free(async);
    cr_assert_eq(koken_future_join(one, KOKEN_S(60)), -ECANCELED);
    koken_future_drop(one);
    async = async_of(rt, 2);
    one = run(async, (struct koken_task){.fn = looking, .arg = async, .value_size = sizeof(int)});
    cr_assert_eq(koken_future_wait(one, KOKEN_S(60), &got), 0);
    cr_assert_eq(got, 3);
    koken_future_drop(one);
    koken_async_free(async);
    stop(rt);
}

/* ---- handlers and fibers --------------------------------------------------------------------- */

KOKEN_MESSAGE_TRUSTED(async_go, { struct koken_async *async; });

struct caller {
    int seen;
};

static int on_go(koken_ctx *ctx, struct caller *self, const struct async_go *msg)
{
    struct koken_future *sum = sum_of(msg->async, 30, 12);
    koken_token none = koken_async_token(ctx);
    (void)self;
    expect(none.source == NULL);
    expect(koken_async_wait(msg->async, KOKEN_S(1)) == -ENOTSUP);
    int rc = koken_future_tell(sum, koken_self(ctx), 7);
    koken_future_drop(sum);
    return rc;
}

static int on_done(koken_ctx *ctx, struct caller *self, const struct koken_future_done *msg)
{
    int value;
    (void)ctx;
    (void)self;
    memcpy(&value, msg->value, sizeof value);
    kn_store(&outcome, msg->error < 0 ? msg->error : value, relaxed);
    count(&results);
    return 0;
}

KOKEN_AGENT(async_caller, struct caller, KOKEN_ON(async_go, on_go),
            KOKEN_ON(koken_future_done, on_done));

static int fiber_body(koken_ctx *ctx, struct caller *self, struct koken_async *const *arg)
{
    struct koken_future *sum = sum_of(*arg, 50, 6);
    int got = 0;
    (void)ctx;
    (void)self;
    int rc = koken_future_wait(sum, KOKEN_S(60), &got);
    koken_future_drop(sum);
    kn_store(&outcome, rc < 0 ? rc : got, relaxed);
    count(&results);
    return 0;
}

KOKEN_FIBER(async_fiber, struct caller, fiber_body);

Test(async, handlers_get_a_message_and_fibers_a_plain_call)
{
    struct koken *rt = start(2);
    struct koken_async *async = async_of(rt, 0);
    clear();
    koken_ref who = koken_spawn(rt, async_caller);
    cr_assert_eq(koken_signal(who, async_go, .async = async), 0);
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), 42);
    cr_assert(
        !koken_is_nobody(koken_spawn(rt, async_fiber, .arg = &async, .arg_size = sizeof async)));
    wait_for(&results, 2);
    cr_assert_eq(kn_load(&outcome, relaxed), 56);
    koken_async_free(async);
    stop(rt);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static int stubborn(koken_ctx *ctx, void *arg, void *ret_value)
{
    (void)arg;
    (void)ret_value;
    count(&begun);
    while (koken_sleep(ctx, KOKEN_US(50)) == 0) { /* ends: at the latest with the runtime */
    }
    return 0; /* it has done what it wanted all the same */
}

Test(async, the_runtime_ends_first)
{
    struct koken_stop_plan kill = {.kill_ns = KOKEN_S(60)},
                           cancel = {KOKEN_MS(10), KOKEN_S(60), KOKEN_S(60)};
    for (int i = 0; i < 2; i++) {
        struct koken *rt = start(2);
        struct koken_async *async = async_of(rt, 0);
        struct koken_future *futures[3], *end;
        clear();
        futures[0] = run(async, (struct koken_task){.fn = sleeping, .arg = &long_ns});
        futures[1] = run(async, (struct koken_task){.fn = stubborn});
        futures[2] = run(
            async, (struct koken_task){.fn = sleeping, .arg = &long_ns, .timeout_ns = KOKEN_S(50)});
        cr_assert_eq(koken_async_end(async, &end), 0);
        wait_for(&begun, 3);
        cr_assert_eq(koken_stop_with(rt, i ? &kill : &cancel, NULL), 0);
        cr_assert_eq(koken_future_join(end, 0), 0);
        cr_assert_eq(koken_future_join(futures[0], 0), i ? -ESHUTDOWN : -ECANCELED);
        int rc = koken_future_join(futures[1], 0);
        cr_assert(rc == 0 || rc == -ESHUTDOWN);
        for (int k = 0; k < 3; k++) {
            koken_future_drop(futures[k]);
        }
        koken_future_drop(end);
        cr_assert_eq(koken_async_run(async, &(struct koken_task){.fn = stubborn}, &end),
                     -ESHUTDOWN);
        koken_async_free(async);
#ifdef KN_DEBUG
        cr_assert_eq(kn_alloc_live(), live_at_start);
#endif
    }
}

Test(async, bad_input)
{
    struct koken *rt = start(1);
    struct koken_async *async = NULL;
    struct koken_future *end;
    struct koken_async_stats stats;
    uint64_t nothing[32] = {0};
    struct koken_async *foreign = (struct koken_async *)(void *)nothing;
    struct koken_async_options fake = {.token = {(struct koken_source *)(void *)nothing}};
    struct koken_task task = {.fn = failing, .token = fake.token};
    cr_assert_eq(koken_async_new(NULL, NULL, &async), -EINVAL);
    cr_assert_eq(koken_async_new(rt, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_async_new(rt, &fake, &async), -EINVAL);
    async = async_of(rt, 0);
    cr_assert_eq(koken_async_run(foreign, &task, NULL), -EINVAL);
    cr_assert_eq(koken_async_run(async, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_async_run(async, &task, NULL), -EINVAL); /* a foreign token */
    task = (struct koken_task){.arg = &stats};
    cr_assert_eq(koken_async_run(async, &task, NULL), -EINVAL);
    task = (struct koken_task){.fn = failing, .arg_size = 1};
    cr_assert_eq(koken_async_run(async, &task, NULL), -EINVAL);
    task = (struct koken_task){.fn = failing, .priority = KOKEN_PRIORITY_COUNT_};
    cr_assert_eq(koken_async_run(async, &task, &end), -EINVAL);
    cr_assert_eq(koken_async_cancel(foreign), -EINVAL);
    cr_assert_eq(koken_async_wait(NULL, 0), -EINVAL);
    cr_assert_eq(koken_async_end(async, NULL), -EINVAL);
    cr_assert_eq(koken_async_end(foreign, &end), -EINVAL);
    cr_assert_eq(koken_async_stats_get(async, NULL), -EINVAL);
    cr_assert_eq(koken_async_stats_get(foreign, &stats), -EINVAL);
    cr_assert_eq(koken_async_wait(async, 0), 0); /* an empty set has ended */
    cr_assert_eq(koken_async_stats_get(async, &stats), 0);
    cr_assert_eq(stats.started, 0);
    koken_async_free(async);
    koken_async_free(NULL);
    stop(rt);
}

#ifdef KN_DEBUG
Test(async, without_memory_nothing_is_left)
{
    struct koken *rt = start(1);
    struct koken_source *source;
    cr_assert_eq(koken_source_new(rt, NULL, 0, &source), 0);
    for (uint64_t i = 0; i < 12; i++) {
        struct koken_async *async = async_of(rt, 0);
        struct koken_future *future = NULL;
        struct koken_task task = {
            .fn = sleeping, .arg = &short_ns, .token = {source}, .timeout_ns = KOKEN_S(60)};
        kn_alloc_fail_after(i);
        int rc = koken_async_run(async, &task, &future);
        if (rc == 0) {
            rc = koken_future_join(future, KOKEN_S(60));
            cr_assert(rc == 0 || rc == -ENOMEM, "%d", rc);
            koken_future_drop(future);
        } else {
            cr_assert_eq(rc, -ENOMEM);
        }
        kn_alloc_fail_after(UINT64_MAX);
        koken_async_free(async);
        drain(rt);
    }
    koken_source_free(source);
    stop(rt);
}
#endif
