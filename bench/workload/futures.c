/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futures: fibers complete promises, wait for them and hang callbacks on them and on what is made of them; they start tasks, groups,
 * loops, pipelines and work of an engine, wait for them a while, and cancel; some are stopped at any moment. Every callback that was
 * hung up is called once, every task and every item is accounted for, whoever is gone (P7, P14).
 */
#include "bench/workload/workload.h"

#include <koken/async.h>
#include <koken/engine.h>
#include <koken/group.h>
#include <koken/pipeline.h>

#include <errno.h>
#include <string.h>

enum { FUTURES = 6, FIBERS_MAX = 10, ITEMS = 12 };

struct fiber {
    uint32_t index;
    uint32_t count;
    uint64_t rng;
};

/* What a fiber has in its hands. It is here, so that nothing is lost with a fiber that is killed. */
static struct {
    struct koken_future *futures[3];
    struct koken_source *source;
} held[FIBERS_MAX];

static koken_promise promises[FUTURES];
static kn_atomic(uint32_t) claimed[FUTURES];
static struct koken_future *futures[FUTURES];
static struct koken_source *source;
static struct koken_async *async;
static struct koken_group *group;
static struct koken_engine *engine;

static kn_atomic(uint64_t) hung, called, tasks, tasks_run, made, came_through, lost;

/* ---- callbacks and functions ----------------------------------------------------------------- */

static void on_end(void *arg, struct koken_future *future)
{
    (void)arg;
    KOKEN_SIM_CHECK(koken_future_peek(future, NULL) != -EAGAIN);
    load_count(&called);
}

/* Hangs a callback on it, and puts it away. */
static void watch(struct fiber *self, unsigned at, struct koken_future *future)
{
    held[self->index].futures[at] = future;
    if (koken_future_hook(future, on_end, NULL) == 0) {
        load_count(&hung);
    }
}

static void let_go(struct fiber *self)
{
    for (unsigned i = 0; i < 3; i++) {
        koken_future_drop(held[self->index].futures[i]);
        held[self->index].futures[i] = NULL;
    }
}

static int add_one(void *arg, const void *value, void *ret_value)
{
    (void)arg;
    *(uint64_t *)ret_value = *(const uint64_t *)value + 1;
    return 0;
}

static int nap(koken_ctx *ctx, void *arg, void *ret_value)
{
    *(uint64_t *)ret_value = *(const uint64_t *)arg;
    return koken_sleep(ctx, *(const uint64_t *)arg);
}

static int task(void *arg)
{
    (void)arg;
    load_count(&tasks_run);
    return 0;
}

static int each(void *arg, size_t index)
{
    (void)index;
    load_count(arg);
    return 0;
}

static int compute(koken_token token, void *arg, void *ret_value)
{
    *(uint64_t *)ret_value = 2 * *(const uint64_t *)arg;
    return koken_token_check(token);
}

static int next_item(void *arg, void *ret_item)
{
    uint64_t *left = arg;
    if (*left == 0) {
        return 0;
    }
    load_count(&made);
    *(uint64_t *)ret_item = (*left)--;
    return 1;
}

static int stage(void *arg, void *item)
{
    (void)arg;
    return *(uint64_t *)item % 5 == 0 ? -EPERM : 0;
}

static int last_stage(void *arg, void *item)
{
    uint64_t *before = arg;
    KOKEN_SIM_CHECK(*(uint64_t *)item < *before); /* in order */
    *before = *(uint64_t *)item;
    load_count(&came_through);
    return 0;
}

static void lose(void *arg, void *item)
{
    (void)arg;
    (void)item;
    load_count(&lost);
}

/* ---- what a fiber does ----------------------------------------------------------------------- */

static void complete(uint64_t chance, unsigned at)
{
    if (kn_swap(&claimed[at], 1, relaxed) != 0) { /* relaxed: whoever gets it has it */
        return;
    }
    uint64_t value = chance;
    int rc = chance % 3 ? koken_promise_set(&promises[at], &value) : 0;
    KOKEN_SIM_CHECK(rc == 0);
    koken_promise_drop(&promises[at]); /* or it is used up */
}

static int wait_for(struct koken_future *future, uint64_t timeout_ns)
{
    int rc = koken_future_join(future, timeout_ns);
    KOKEN_SIM_CHECK(rc == 0 || rc == -EPROTO || rc == -ETIMEDOUT || rc == -ECANCELED ||
                    rc == -ENOMEM || rc == -ESHUTDOWN || rc == -EPERM || rc == -EAGAIN);
    return rc;
}

/* Something made of two of them. */
static int derive(struct koken *rt, struct fiber *self, uint64_t chance)
{
    struct koken_future *two[] = {futures[chance % FUTURES], futures[chance / 7 % FUTURES]};
    struct koken_future *first = NULL, *second = NULL;
    uint64_t kind = chance / 64 % 5;
    int rc = kind == 0   ? koken_future_all(two, 2, &first)
             : kind == 1 ? koken_future_any(two, 2, &first)
             : kind == 2 ? koken_future_race(two, 2, &first)
             : kind == 3 ? koken_future_settled(two, 2, &first)
                         : koken_future_map(two[0], sizeof(uint64_t), add_one, NULL, &first);
    if (rc < 0) {
        return 0;
    }
    watch(self, 0, first);
    koken_token token = {chance & 1024 ? source : NULL};
    rc = koken_future_until(rt, first, KOKEN_US(20), token, &second);
    if (rc == 0) {
        watch(self, 1, second);
        rc = wait_for(second, KOKEN_US(40));
    }
    return rc;
}

static int start_task(struct fiber *self, uint64_t chance)
{
    uint64_t ns = chance % KOKEN_US(60);
    struct koken_task what = {.fn = nap,
                              .arg = &ns,
                              .arg_size = sizeof ns,
                              .value_size = sizeof ns,
                              .timeout_ns = chance & 64 ? KOKEN_US(30) : 0,
                              .token = {chance & 128 ? source : NULL}};
    struct koken_future *future;
    int rc = koken_async_run(async, &what, &future);
    if (rc < 0) {
        return rc == -ECANCELED ? 0 : rc;
    }
    watch(self, 2, future);
    return wait_for(future, KOKEN_US(50));
}

static int use_group(uint64_t chance)
{
    uint64_t left = ITEMS, before = UINT64_MAX, done = 0;
    kn_atomic(uint64_t) indices = 0;
    struct koken_stage stages[] = {{.fn = stage},
                                   {.fn = last_stage, .arg = &before, .in_order = true}};
    struct koken_pipeline pipeline = {.next = next_item,
                                      .drop = lose,
                                      .arg = &left,
                                      .stages = stages,
                                      .stage_count = 2,
                                      .item_size = sizeof(uint64_t),
                                      .items_max = chance / 8 % 4,
                                      .ret_done = &done};
    int rc = 0;
    switch (chance % 3) {
    case 0:
        rc = koken_for_each(group, ITEMS, each, &indices);
        KOKEN_SIM_CHECK(rc < 0 || load_read(&indices) == ITEMS);
        break;
    case 1:
        rc = koken_pipeline_run(group, &pipeline);
        KOKEN_SIM_CHECK(rc != 0); /* each fifth item is lost */
        break;
    default:
        rc = koken_group_run(group, task, NULL);
        if (rc == 0) {
            load_count(&tasks);
            rc = koken_group_wait(group, KOKEN_US(40));
        }
    }
    return rc;
}

static int use_engine(uint64_t chance)
{
    uint64_t key = chance / 8 % 3, id, got = 0;
    struct koken_work work = {
        .fn = compute, .arg = &key, .arg_size = sizeof key, .value_size = sizeof key};
    work.key = chance & 64 ? &key : NULL;
    work.priority = (enum koken_priority)(chance / 128 % KOKEN_PRIORITY_COUNT_);
    int rc = koken_engine_submit(engine, &work, &id);
    if (rc == 0 && chance % 3 == 0) {
        rc = koken_engine_cancel(engine, id);
        KOKEN_SIM_CHECK(rc == 0 || rc == -EALREADY || rc == -ESRCH);
    }
    if (rc == 0 || rc == -EALREADY) {
        rc = koken_engine_wait(engine, id, KOKEN_US(50), &got);
        KOKEN_SIM_CHECK(rc < 0 || got == 2 * key);
    }
    return rc;
}

/* A source of its own, linked to the one of all, with a deadline. */
static void cancel_something(struct koken *rt, struct fiber *self, uint64_t chance)
{
    koken_token parent = {source};
    if (koken_source_new(rt, &parent, 1, &held[self->index].source) == 0) {
        struct koken_source *own = held[self->index].source;
        (void)!koken_source_after(own, chance % KOKEN_US(10));
        if (chance & 1024) {
            (void)!koken_source_cancel(own, KOKEN_CANCEL_USER, "enough");
        }
        koken_source_free(own);
        held[self->index].source = NULL;
    }
    if (chance % 16 == 0) {
        (void)!koken_source_cancel(source, KOKEN_CANCEL_ERROR, NULL);
    } else if (chance % 64 == 1) {
        (void)!koken_async_cancel(async);
    }
}

static int act(koken_ctx *ctx, void *unused, const void *arg)
{
    struct fiber self = *(const struct fiber *)arg;
    struct koken *rt = koken_runtime(ctx);
    (void)unused;
    for (uint32_t i = 0; i < self.count;
         i++) { /* ends: waits have deadlines, or end with the fiber */
        uint64_t chance = kn_random(&self.rng) >> 8, what = chance;
        chance >>= 4;
        switch (what % 8) {
        case 0: complete(chance, (unsigned)(chance % FUTURES)); break;
        case 1: (void)wait_for(futures[chance % FUTURES], KOKEN_US(30)); break;
        case 2:
        case 3: (void)derive(rt, &self, chance); break;
        case 4: (void)start_task(&self, chance); break;
        case 5: (void)use_group(chance); break;
        case 6: (void)use_engine(chance); break;
        default: cancel_something(rt, &self, chance);
        }
        let_go(&self);
    }
    return 0;
}

KOKEN_FIBER(actor, struct fiber, act);

/* ---- the run --------------------------------------------------------------------------------- */

/* Whatever is still there, after the runtime or before it. */
static void give_back(void)
{
    for (unsigned i = 0; i < FUTURES; i++) {
        koken_promise_drop(&promises[i]);
        koken_future_drop(futures[i]);
        futures[i] = NULL;
    }
    for (uint32_t i = 0; i < FIBERS_MAX; i++) {
        let_go(&(struct fiber){.index = i});
        koken_source_free(held[i].source);
        held[i].source = NULL;
    }
    koken_async_free(async);
    koken_engine_free(engine);
    koken_group_free(group);
    koken_source_free(source);
    async = NULL;
    engine = NULL;
    group = NULL;
    source = NULL;
}

static bool set_up(struct load *load)
{
    struct koken_async_options of_async = {.tasks_max = 1 + (uint32_t)load_below(load, 8)};
    struct koken_group_options of_group = {.keep_going = true,
                                           .max_threads = 1 + (unsigned)load_below(load, 3)};
    struct koken_engine_options of_engine = {.max_threads = 1 + (unsigned)load_below(load, 2),
                                             .work_max = 1 + (uint32_t)load_below(load, 4),
                                             .results_max = 1 + (uint32_t)load_below(load, 4),
                                             .cache_entries = 2,
                                             .key_size = sizeof(uint64_t),
                                             .cached_size = sizeof(uint64_t)};
    bool is_good = koken_source_new(load->rt, NULL, 0, &source) == 0 &&
                   koken_async_new(load->rt, &of_async, &async) == 0 &&
                   koken_group_new(load->rt, &of_group, &group) == 0 &&
                   koken_engine_new(load->rt, &of_engine, &engine) == 0;
    for (unsigned i = 0; is_good && i < FUTURES; i++) {
        kn_store(&claimed[i], 0, relaxed); /* relaxed: nobody else runs */
        is_good = koken_promise_new(sizeof(uint64_t), &promises[i], &futures[i]) == 0;
    }
    return is_good;
}

void load_futures(struct load *load)
{
    kn_atomic(uint64_t) *counters[] = {&hung, &called,       &tasks, &tasks_run,
                                       &made, &came_through, &lost};
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        load_clear(counters[i]);
    }
    give_back(); /* of a run before */
    if (!set_up(load)) {
        give_back();
        return;
    }
    koken_ref mortals[FIBERS_MAX];
    uint32_t count = 1 + (uint32_t)load_below(load, FIBERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct fiber fiber = {.index = i,
                              .count = 1 + (uint32_t)load_below(load, 12) * load->scale,
                              .rng = kn_random_seed(kn_random(&load->rng))};
        koken_ref who = koken_spawn(load->rt, actor, .arg = &fiber, .arg_size = sizeof fiber);
        mortals[i] = who;
        if (load_below(load, 4) == 0) {
            load_sleep(load_below(load, KOKEN_US(60)));
            (void)!koken_exit(who);
        }
    }
    load_doom(load, mortals, count);
    struct koken_metrics m;
    do { /* ends: every wait has a deadline, so all end */
        if (!load_settle(load)) {
            return;
        }
        load_sleep(KOKEN_US(100));
        koken_metrics(load->rt, &m);
    } while (m.alive > 0 && load_is_strict(load));
    struct koken_engine_stats stats;
    KOKEN_SIM_CHECK(koken_engine_stats_get(engine, &stats) == 0);
    KOKEN_SIM_CHECK(stats.submitted == stats.hits + stats.joined + stats.done + stats.failed +
                                           stats.cancelled + stats.queued + stats.running);
}

void load_futures_after(struct load *load)
{
    (void)load;
    give_back();
    KOKEN_SIM_CHECK(load_read(&hung) == load_read(&called));
    KOKEN_SIM_CHECK(load_read(&tasks_run) <= load_read(&tasks));
    KOKEN_SIM_CHECK(load_read(&made) == load_read(&came_through) + load_read(&lost));
}
