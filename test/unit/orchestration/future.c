/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of futures (T102, T106, T108, T109): one completion, told to fibers, threads and handlers; broken promises; callbacks that
 * do everything; time-outs that leave nothing behind; no lost end when completing and waiting race; no leak.
 */
#include "test/support/runtime.h"

#include <koken/fiber.h>
#include <koken/future.h>

#include <string.h>

static kn_atomic(uint32_t) called, results;
static kn_atomic(int) outcome;

static void on_call(void *arg, struct koken_future *future)
{
    expect(!arg || koken_future_peek(future, NULL) == *(int *)arg);
    count(&called);
}

static struct koken_future *pending(koken_promise *ret_promise, size_t size)
{
    struct koken_future *future = NULL;
    (void)kn_world_init();
    cr_assert_eq(koken_promise_new(size, ret_promise, &future), 0);
    return future;
}

Test(future, completes_once)
{
    koken_promise promise, copy;
    struct koken_future *future = pending(&promise, sizeof(int));
    int value = 42, got = 0, expected = 0;
    const void *where = NULL;
    reset(&called);
    copy = promise;
    cr_assert_eq(koken_future_peek(future, &where), -EAGAIN);
    cr_assert_eq(koken_future_wait(future, 0, &got), -ETIMEDOUT);
    cr_assert_eq(koken_future_hook(future, on_call, &expected), 0);
    cr_assert(koken_promise_is_wanted(&promise));
    cr_assert_eq(koken_promise_set(&promise, &value), 0);
    cr_assert_null(promise.future);
    cr_assert_eq(koken_promise_set(&promise, &value), -EALREADY);
    cr_assert_eq(koken_promise_fail(&copy, -EPERM), -EALREADY); /* the future lives: it is seen */
    koken_promise_drop(&copy);
    koken_promise_drop(&copy);
    cr_assert_eq(koken_future_hook(future, on_call, &expected), 0);
    cr_assert_eq(reading(&called), 2);
    cr_assert_eq(koken_future_wait(future, KOKEN_NO_DEADLINE, &got), 0);
    cr_assert_eq(got, 42);
    cr_assert_eq(koken_future_join(future, 0), 0);
    cr_assert_eq(koken_future_peek(future, &where), 0);
    cr_assert_eq(*(const int *)where, 42);
    koken_future_drop(future);
    assert_nothing_wrong();
}

Test(future, bad_input)
{
    uint64_t nothing[32] = {0}, wide = 0;
    struct koken_future *foreign = (struct koken_future *)(void *)nothing;
    koken_promise promise, fake = {foreign};
    struct koken_future *future = pending(&promise, sizeof(int)), *out;
    cr_assert_eq(koken_promise_new(1, NULL, &out), -EINVAL);
    cr_assert_eq(koken_promise_new(SIZE_MAX, &fake, &out), -ENOMEM);
    fake.future = foreign;
    cr_assert_eq(koken_promise_set(&fake, &wide), -EINVAL);
    cr_assert_eq(koken_promise_set(&promise, &wide), -EPROTO);
    cr_assert_eq(koken_promise_done(&promise), -EPROTO);
    cr_assert_eq(koken_promise_fail(&promise, 0), -EINVAL);
    cr_assert_eq(koken_promise_fail(NULL, -EPERM), -EINVAL);
    cr_assert_eq(koken_future_join(foreign, 0), -EINVAL);
    cr_assert_eq(koken_future_join(NULL, 0), -EINVAL);
    cr_assert_eq(koken_future_peek(foreign, NULL), -EINVAL);
    cr_assert_eq(koken_future_hook(future, NULL, NULL), -EINVAL);
    cr_assert_eq(koken_future_hook(foreign, on_call, NULL), -EINVAL);
    cr_assert_eq(koken_future_tell(foreign, KOKEN_NOBODY, 0), -EINVAL);
    cr_assert_eq(koken_future_failed(1, &out), -EINVAL);
    cr_assert_eq(koken_future_ready(NULL, 1, &out), -EINVAL);
    koken_promise_drop(&promise);
    cr_assert_eq(koken_future_wait(future, 0, &wide), -EPROTO); /* broken */
    koken_future_drop(future);
    koken_future_drop(NULL);
    int value = 1;
    cr_assert_eq(koken_future_ready(&value, sizeof value, &out), 0);
    cr_assert_eq(koken_future_wait(out, 0, &wide), -EPROTO); /* another size */
    koken_future_drop(out);
    cr_assert_eq(koken_future_failed(-EPERM, &out), 0);
    cr_assert_eq(koken_future_join(out, 0), -EPERM);
    koken_future_drop(out);
}

Test(future, a_promise_nobody_wants)
{
    koken_promise promise;
    koken_future_drop(pending(&promise, 0));
    cr_assert(!koken_promise_is_wanted(&promise));
    cr_assert_eq(koken_promise_done(&promise), 0);
}

static koken_promise inner;
static struct koken_future *self_future, *inner_future;

static void on_busy(void *arg, struct koken_future *future)
{
    expect(arg == &inner);
    expect(future == self_future);
    expect(koken_future_join(future, KOKEN_S(1)) == -ENOTSUP);
    expect(koken_future_hook(future, on_call, NULL) == 0);
    expect(reading(&called) == 0); /* right after this one */
    expect(koken_future_hook(inner_future, on_call, NULL) == 0);
    expect(koken_promise_done(&inner) == 0);
    koken_future_drop(self_future);
}

Test(future, callbacks_may_do_anything)
{
    koken_promise promise;
    reset(&called);
    self_future = pending(&promise, 0);
    inner_future = pending(&inner, 0);
    cr_assert_eq(koken_future_hook(self_future, on_busy, &inner), 0);
    cr_assert_eq(koken_promise_done(&promise), 0);
    cr_assert_eq(reading(&called), 2);
    koken_future_drop(inner_future);
    assert_nothing_wrong();
}

struct job {
    koken_promise promise;
    uint64_t after_ns;
    int value;
};

static void complete_job(void *arg)
{
    struct job *job = arg;
    uint64_t until = koken_now() + job->after_ns;
    while (koken_now() < until) {
        kn_thread_yield();
    }
    expect(koken_promise_set(&job->promise, &job->value) == 0);
}

Test(future, a_thread_waits_until_the_end_or_the_deadline)
{
    struct kn_thread thread = {NULL};
    for (int i = 0; i < 300; i++) {
        struct job job = {.after_ns = (uint64_t)(i % 7) * 3000, .value = i};
        struct koken_future *future = pending(&job.promise, sizeof(int));
        uint64_t before = koken_now(), timeout = i % 2 ? KOKEN_NO_DEADLINE : KOKEN_US(15);
        int got = -1;
        cr_assert_eq(kn_thread_start(&thread, "job", complete_job, &job), 0);
        int rc = koken_future_wait(future, timeout, &got);
        cr_assert(rc == 0 || (rc == -ETIMEDOUT && timeout == KOKEN_US(15)));
        cr_assert(rc == 0 || koken_now() - before >= KOKEN_US(15));
        cr_assert(rc < 0 || got == i);
        koken_future_drop(future);
        kn_thread_join(&thread);
    }
    assert_nothing_wrong();
}

/* ---- fibers and handlers --------------------------------------------------------------------- */

struct wish {
    struct koken_future *future;
    uint64_t timeout_ns;
};

static int wishing(koken_ctx *ctx, const struct wish *state, const struct wish *arg)
{
    int got = 0;
    (void)ctx;
    (void)state;
    int rc = koken_future_wait(arg->future, arg->timeout_ns, &got);
    kn_store(&outcome, rc < 0 ? rc : got, relaxed);
    count(&results);
    return 0;
}

KOKEN_FIBER(wishing_fiber, struct wish, wishing);

Test(future, a_fiber_waits_without_its_worker)
{
    struct koken *rt = start(1);
    koken_promise promise;
    struct koken_future *future = pending(&promise, sizeof(int));
    struct wish wish = {future, KOKEN_MS(2)};
    int value = 7;
    reset(&results);
    for (uint32_t i = 1; i <= 2; i++) {
        cr_assert(!koken_is_nobody(
            koken_spawn(rt, wishing_fiber, .arg = &wish, .arg_size = sizeof wish)));
        if (i == 2) {
            drain(rt); /* it waits, and nobody runs */
            cr_assert_eq(koken_promise_set(&promise, &value), 0);
        }
        wait_for(&results, i);
        cr_assert_eq(kn_load(&outcome, relaxed), i == 1 ? -ETIMEDOUT : 7);
        wish.timeout_ns = KOKEN_NO_DEADLINE;
    }
    koken_future_drop(future);
    stop(rt);
}

KOKEN_MESSAGE_TRUSTED(future_watch, { struct koken_future *future; });

struct watcher {
    int seen;
};

static int on_watch(koken_ctx *ctx, struct watcher *self, const struct future_watch *msg)
{
    int got;
    (void)self;
    expect(koken_future_wait(msg->future, KOKEN_S(1), &got) == -ENOTSUP);
    return koken_future_tell(msg->future, koken_self(ctx), 99);
}

static int on_done(koken_ctx *ctx, struct watcher *self, const struct koken_future_done *msg)
{
    int value;
    (void)ctx;
    self->seen++;
    expect(msg->cookie == 99);
    expect(msg->size == sizeof value);
    memcpy(&value, msg->value, sizeof value);
    kn_store(&outcome, msg->error < 0 ? msg->error : value, relaxed);
    count(&results);
    return 0;
}

KOKEN_AGENT(watcher, struct watcher, KOKEN_ON(future_watch, on_watch),
            KOKEN_ON(koken_future_done, on_done));

Test(future, a_handler_is_told)
{
    struct koken *rt = start(2);
    koken_ref who = koken_spawn(rt, watcher);
    reset(&results);
    for (int i = 0; i < 4; i++) {
        koken_promise promise;
        struct koken_future *future = pending(&promise, sizeof(int));
        int value = 100 + i;
        if (i == 1) {
            cr_assert_eq(koken_promise_set(&promise, &value), 0);
        }
        cr_assert_eq(koken_signal(who, future_watch, .future = future), 0);
        drain(rt);
        cr_assert_eq(reading(&results), (uint32_t)i + (i == 1));
        if (i == 2) {
            koken_promise_drop(&promise);
        } else if (i != 1) {
            cr_assert_eq(koken_promise_set(&promise, &value), 0);
        }
        wait_for(&results, (uint32_t)i + 1);
        cr_assert_eq(kn_load(&outcome, relaxed), i == 2 ? -EPROTO : value);
        koken_future_drop(future);
    }
    koken_promise promise;
    struct koken_future *late = pending(&promise, sizeof(int));
    cr_assert_eq(koken_future_tell(late, who, 1), 0);
    cr_assert_eq(koken_exit(who), 0);
    drain(rt);
    koken_promise_drop(&promise); /* nobody is there any more */
    koken_future_drop(late);
    stop(rt);
}

Test(future, outlives_the_runtime_of_who_waits)
{
    struct koken *rt = start(1);
    struct koken_stop_plan plan = {.kill_ns = KOKEN_S(10)};
    koken_promise promise;
    struct koken_future *future = pending(&promise, sizeof(int));
    struct wish wish = {future, KOKEN_NO_DEADLINE};
    int value = 1;
    cr_assert(
        !koken_is_nobody(koken_spawn(rt, wishing_fiber, .arg = &wish, .arg_size = sizeof wish)));
    drain(rt);
    cr_assert_eq(koken_stop_with(rt, &plan, NULL), 0);
    cr_assert_eq(koken_promise_set(&promise, &value), 0);
    koken_future_drop(future);
}
