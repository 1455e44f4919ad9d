/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of the numbers of work: results are fetched once, by threads, fibers, handlers and other work, also on one worker; unknown and
 * forgotten numbers; cancelling what has not begun, what has, and what others want; times.
 */
#include "test/support/engine.h"

static kn_atomic(int) outcome;

static int failing(koken_token token, void *arg, void *ret_value)
{
    (void)token;
    (void)ret_value;
    return *(int *)arg;
}

Test(engine_result, is_fetched_once)
{
    struct koken *rt = start(1);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){0});
    struct koken_work work = {.fn = position, .value_size = 4};
    uint64_t id = 0, last = 0, wide = 0;
    uint32_t got = 0;
    int eperm = -EPERM;
    clear();
    cr_assert_eq(koken_engine_join(engine, 1, 0), -ESRCH);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(koken_engine_submit(engine, &work, &id), 0);
        cr_assert_gt(id, last);
        last = id;
        int rc = koken_engine_wait(engine, id, KOKEN_S(60), &wide); /* another size */
        cr_assert_eq(rc, -EPROTO);
        cr_assert_eq(koken_engine_wait(engine, id, KOKEN_S(60), &got), 0);
        cr_assert_eq(got, i);
        cr_assert_eq(koken_engine_wait(engine, id, 0, &got), -ESRCH);
    }
    work = (struct koken_work){.fn = failing, .arg = &eperm};
    cr_assert_eq(koken_engine_submit(engine, &work, &id), 0);
    cr_assert_eq(koken_engine_join(engine, id, KOKEN_S(60)), -EPERM);
    cr_assert_eq(koken_engine_join(engine, id, 0), -ESRCH);
    eperm = -EPROTO; /* as its own error: over */
    cr_assert_eq(koken_engine_submit(engine, &work, &id), 0);
    cr_assert_eq(koken_engine_wait(engine, id, KOKEN_S(60), &got), -EPROTO);
    cr_assert_eq(koken_engine_wait(engine, id, 0, &got), -ESRCH);
    cr_assert_eq(koken_engine_submit(engine, &work, &id), 0);
    cr_assert_eq(koken_engine_forget(engine, id), 0);
    cr_assert_eq(koken_engine_forget(engine, id), -ESRCH);
    koken_engine_free(engine);
    stop(rt);
}

/* A lost wake-up would last for ever. */
Test(engine_result, no_wait_misses_the_end)
{
    enum { TRIALS = 10000 };
    struct koken *rt = start(2);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){0});
    clear();
    for (uint32_t i = 0; i < TRIALS; i++) {
        struct koken_work work = {.fn = position, .value_size = 4};
        uint32_t got = 0;
        uint64_t id;
        cr_assert_eq(koken_engine_submit(engine, &work, &id), 0);
        cr_assert_eq(koken_engine_wait(engine, id, KOKEN_NO_DEADLINE, &got), 0);
        cr_assert_eq(got, i);
    }
    koken_engine_free(engine);
    stop(rt);
}

static int look_at_token(koken_token token, void *arg, void *ret_value)
{
    (void)arg;
    (void)ret_value;
    count(&ran);
    while (koken_token_check(token) == 0) { /* ends: it is cancelled */
        kn_thread_yield();
    }
    return -ECANCELED;
}

Test(engine_result, cancelling)
{
    struct koken *rt = start(1);
    struct koken_engine *engine =
        engine_of(rt, (struct koken_engine_options){
                          .max_threads = 1, .cache_entries = 8, .key_size = 4, .cached_size = 4});
    struct koken_source *source;
    struct koken_engine_stats stats;
    uint64_t running, queued, by_token, same[2];
    uint32_t key = 7, got = 0;
    clear();
    cr_assert_eq(koken_source_new(rt, NULL, 0, &source), 0);
    struct koken_work work = {.fn = look_at_token};
    cr_assert_eq(koken_engine_submit(engine, &work, &running), 0);
    wait_for(&ran, 1);
    cr_assert_eq(koken_engine_join(engine, running, KOKEN_MS(1)), -ETIMEDOUT);
    work = (struct koken_work){.fn = quick};
    cr_assert_eq(koken_engine_submit(engine, &work, &queued), 0);
    work.token.source = source;
    cr_assert_eq(koken_engine_submit(engine, &work, &by_token), 0);
    work = (struct koken_work){.fn = position, .key = &key, .value_size = 4};
    cr_assert_eq(koken_engine_submit(engine, &work, &same[0]), 0);
    cr_assert_eq(koken_engine_submit(engine, &work, &same[1]), 0);
    cr_assert_eq(koken_engine_cancel(engine, queued), 0);
    cr_assert_eq(koken_engine_join(engine, queued, 0), -ECANCELED); /* at once */
    cr_assert_eq(koken_engine_cancel(engine, queued), -ESRCH);
    cr_assert_eq(koken_engine_cancel(engine, same[0]), 0); /* the other one wants it still */
    cr_assert_eq(koken_engine_cancel(engine, same[0]), -ESRCH);
    cr_assert_eq(koken_source_cancel(source, KOKEN_CANCEL_USER, NULL), 0);
    cr_assert_eq(koken_engine_cancel(engine, running), -EALREADY);
    cr_assert_eq(koken_engine_join(engine, running, KOKEN_S(60)), -ECANCELED);
    cr_assert_eq(koken_engine_join(engine, by_token, KOKEN_S(60)), -ECANCELED);
    cr_assert_eq(koken_engine_wait(engine, same[1], KOKEN_S(60), &got), 0);
    cr_assert_eq(got, 1);
    cr_assert_eq(reading(&ran), 2);
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = quick}, &queued), 0);
    while (koken_engine_stats_get(engine, &stats) == 0 && stats.running + stats.queued > 0) {
        kn_thread_yield();
    }
    cr_assert_eq(koken_engine_cancel(engine, queued), -EALREADY); /* it has ended */
    cr_assert_eq(stats.cancelled, 3);
    cr_assert_eq(stats.joined, 1);
    koken_source_free(source);
    koken_engine_free(engine);
    stop(rt);
}

struct nest {
    struct koken_engine *engine;
    uint64_t self;
    int depth;
};

static int nested(koken_token token, void *arg, void *ret_value)
{
    const struct nest *nest = arg;
    struct nest inner = {nest->engine, 0, nest->depth - 1};
    uint64_t ids[3];
    uint32_t sum = 1, got = 0;
    (void)token;
    for (int i = 0; i < 3 && nest->depth > 0; i++) {
        struct koken_work work = {
            .fn = nested, .arg = &inner, .arg_size = sizeof inner, .value_size = 4};
        expect(koken_engine_submit(nest->engine, &work, &ids[i]) == 0);
    }
    for (int i = 2; i >= 0 && nest->depth > 0; i--) { /* the last first: it has not begun */
        expect(koken_engine_wait(nest->engine, ids[i], KOKEN_S(60), &got) == 0);
        sum += got;
    }
    *(uint32_t *)ret_value = sum;
    return 0;
}

static int waits_for_itself(koken_token token, void *arg, void *ret_value)
{
    const struct nest *nest = arg;
    (void)token;
    (void)ret_value;
    wait_for(&gate, 1);
    return koken_engine_join(nest->engine, nest->self, KOKEN_S(1));
}

Test(engine_result, work_waits_for_work_on_one_worker)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        struct koken_engine *engine =
            engine_of(rt, (struct koken_engine_options){.max_threads = workers});
        struct nest nest = {engine, 0, 4};
        struct koken_work work = {.fn = nested, .arg = &nest, .value_size = 4};
        uint64_t id;
        uint32_t got = 0;
        clear();
        cr_assert_eq(koken_engine_submit(engine, &work, &id), 0);
        cr_assert_eq(koken_engine_wait(engine, id, KOKEN_S(60), &got), 0);
        cr_assert_eq(got, 1 + 3 + 9 + 27 + 81);
        work = (struct koken_work){.fn = waits_for_itself, .arg = &nest};
        cr_assert_eq(koken_engine_submit(engine, &work, &nest.self), 0);
        count(&gate);
        cr_assert_eq(koken_engine_join(engine, nest.self, KOKEN_S(60)), -EDEADLK);
        koken_engine_free(engine);
        stop(rt);
    }
}

/* ---- handlers and fibers --------------------------------------------------------------------- */

KOKEN_MESSAGE_TRUSTED(engine_go, {
    struct koken_engine *engine;
    uint64_t id;
});

struct asker {
    int seen;
};

static int on_go(koken_ctx *ctx, struct asker *self, const struct engine_go *msg)
{
    struct koken_future *future;
    (void)self;
    expect(koken_engine_join(msg->engine, msg->id, KOKEN_S(1)) == -ENOTSUP);
    expect(koken_engine_future(msg->engine, msg->id, &future) == 0);
    expect(koken_future_tell(future, koken_self(ctx), 1) == 0);
    koken_future_drop(future);
    count(&gate);
    return 0;
}

static int on_done(koken_ctx *ctx, struct asker *self, const struct koken_future_done *msg)
{
    (void)ctx;
    (void)self;
    kn_store(&outcome, msg->error, relaxed);
    count(&results);
    return 0;
}

KOKEN_AGENT(engine_asker, struct asker, KOKEN_ON(engine_go, on_go),
            KOKEN_ON(koken_future_done, on_done));

static int fiber_body(koken_ctx *ctx, struct asker *self, struct koken_engine *const *arg)
{
    uint64_t id = 0;
    (void)ctx;
    (void)self;
    int rc = koken_engine_submit(*arg, &(struct koken_work){.fn = quick}, &id);
    kn_store(&outcome, rc < 0 ? rc : koken_engine_join(*arg, id, KOKEN_S(60)), relaxed);
    count(&results);
    return 0;
}

KOKEN_FIBER(engine_fiber, struct asker, fiber_body);

Test(engine_result, handlers_are_told_and_fibers_wait)
{
    struct koken *rt = start(2);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){0});
    uint64_t id;
    clear();
    koken_ref who = koken_spawn(rt, engine_asker);
    cr_assert_eq(koken_engine_submit(engine, &(struct koken_work){.fn = gated}, &id), 0);
    cr_assert_eq(koken_signal(who, engine_go, .engine = engine, .id = id), 0);
    wait_for(&results, 1);
    cr_assert_eq(kn_load(&outcome, relaxed), 0);
    cr_assert(
        !koken_is_nobody(koken_spawn(rt, engine_fiber, .arg = &engine, .arg_size = sizeof engine)));
    wait_for(&results, 2);
    cr_assert_eq(kn_load(&outcome, relaxed), 0);
    koken_engine_free(engine);
    stop(rt);
}

Test(engine_result, bad_input)
{
    struct koken *rt = start(1);
    struct koken_engine *engine = engine_of(rt, (struct koken_engine_options){0});
    uint64_t nothing[128] = {0};
    struct koken_engine *foreign = (struct koken_engine *)(void *)nothing;
    struct koken_future *future;
    cr_assert_eq(koken_engine_wait_(engine, 1, 0, NULL, 0), -EINVAL);
    cr_assert_eq(koken_engine_join(foreign, 1, 0), -EINVAL);
    cr_assert_eq(koken_engine_join(engine, 0, 0), -ESRCH);
    cr_assert_eq(koken_engine_join(engine, UINT64_MAX, KOKEN_NO_DEADLINE), -ESRCH);
    cr_assert_eq(koken_engine_cancel(foreign, 1), -EINVAL);
    cr_assert_eq(koken_engine_cancel(engine, 1), -ESRCH);
    cr_assert_eq(koken_engine_forget(NULL, 1), -EINVAL);
    cr_assert_eq(koken_engine_future(engine, 1, NULL), -EINVAL);
    cr_assert_eq(koken_engine_future(foreign, 1, &future), -EINVAL);
    cr_assert_eq(koken_engine_future(engine, 1, &future), -ESRCH);
    koken_engine_free(engine);
    stop(rt);
}
