/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What work costs that is next to nothing, by the way in which it is given to the workers; ns per piece, 64 under way.
 *
 *     async      koken_async: a fiber agent and a future for each
 *     engine     koken_engine: submitted, waited for in the order of submission; with a key, all but the first from the cache
 *     pipeline   koken_pipeline: an item through three stages, the last of them in order
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <koken/async.h>
#include <koken/engine.h>
#include <koken/pipeline.h>

enum { UNDER_WAY = 64 };

static void report(struct bench_run *run, const char *name, uint64_t start_ns, uint64_t n)
{
    bench_report(run, name, (double)(koken_now() - start_ns) / (double)n, "ns/piece");
}

/* ---- async ------------------------------------------------------------------------------------ */

static int add_one(koken_ctx *ctx, void *arg, void *ret_value)
{
    (void)ctx;
    *(uint64_t *)ret_value = *(const uint64_t *)arg + 1;
    return 0;
}

/* Runs n tasks, UNDER_WAY at a time; *ret_sum of what they answer. */
static int run_tasks(struct koken_async *async, uint64_t n, uint64_t *ret_sum)
{
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < n; i += UNDER_WAY) {
        struct koken_future *futures[UNDER_WAY] = {NULL};
        for (uint64_t j = 0; rc == 0 && j < UNDER_WAY; j++) {
            uint64_t value = i + j;
            struct koken_task task = {
                .fn = add_one, .arg = &value, .arg_size = sizeof value, .value_size = sizeof value};
            rc = koken_async_run(async, &task, &futures[j]);
        }
        for (uint64_t j = 0; j < UNDER_WAY && futures[j]; j++) {
            uint64_t value = 0;
            rc = rc < 0 ? rc : koken_future_wait(futures[j], KOKEN_S(60), &value);
            *ret_sum += value;
            koken_future_drop(futures[j]);
        }
    }
    return rc;
}

/* The sum of 1 to n. */
static uint64_t sum_to(uint64_t n)
{
    return n * (n + 1) / 2;
}

int bench_async(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    struct koken_async *async = NULL;
    uint64_t n = bench_size(run, 200000) / UNDER_WAY * UNDER_WAY, sum = 0;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t start_ns = koken_now();
    rc = koken_async_new(rt, NULL, &async);
    rc = rc < 0 ? rc : run_tasks(async, n, &sum);
    rc = bench_error(run, "async", rc);
    rc = rc < 0 ? rc : bench_check(run, "sum of the answers", sum_to(n), sum);
    if (rc == 0) {
        report(run, "async", start_ns, n);
    }
    koken_async_free(async);
    return bench_end(run, rt, rc);
}

/* ---- engine ----------------------------------------------------------------------------------- */

static int compute(koken_token token, void *arg, void *ret_value)
{
    (void)token;
    *(uint64_t *)ret_value = *(const uint64_t *)arg + 1;
    return 0;
}

static int run_engine(struct koken_engine *engine, uint64_t n, bool has_key, uint64_t *ret_sum)
{
    const uint64_t key = 1;
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < n; i += UNDER_WAY) {
        uint64_t ids[UNDER_WAY];
        for (uint64_t j = 0; rc == 0 && j < UNDER_WAY; j++) {
            uint64_t value = has_key ? 0 : i + j;
            struct koken_work work = {.fn = compute,
                                      .arg = &value,
                                      .arg_size = sizeof value,
                                      .value_size = sizeof value,
                                      .key = has_key ? &key : NULL};
            rc = koken_engine_submit(engine, &work, &ids[j]);
        }
        for (uint64_t j = 0; rc == 0 && j < UNDER_WAY; j++) {
            uint64_t value = 0;
            rc = koken_engine_wait(engine, ids[j], KOKEN_S(60), &value);
            *ret_sum += value;
        }
    }
    return rc;
}

static int measure_engine(struct bench_run *run, struct koken *rt, uint64_t n, bool has_key)
{
    const struct koken_engine_options keyed = {
        .cache_entries = 16, .key_size = sizeof(uint64_t), .cached_size = sizeof(uint64_t)};
    const char *name = has_key ? "engine-cached" : "engine";
    struct koken_engine *engine = NULL;
    uint64_t sum = 0, start_ns = koken_now();
    int rc = koken_engine_new(rt, has_key ? &keyed : NULL, &engine);
    rc = rc < 0 ? rc : run_engine(engine, n, has_key, &sum);
    rc = bench_error(run, name, rc);
    rc = rc < 0 ? rc : bench_check(run, "sum of the results", has_key ? n : sum_to(n), sum);
    if (rc == 0) {
        report(run, name, start_ns, n);
    }
    koken_engine_free(engine);
    return rc;
}

int bench_engine(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    uint64_t n = bench_size(run, 200000) / UNDER_WAY * UNDER_WAY;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    rc = measure_engine(run, rt, n, /* has_key= */ false);
    rc = rc < 0 ? rc : measure_engine(run, rt, n, /* has_key= */ true);
    return bench_end(run, rt, rc);
}

/* ---- pipeline --------------------------------------------------------------------------------- */

struct source {
    uint64_t next, n;
};

static int next_item(void *arg, void *ret_item)
{
    struct source *source = arg;
    *(uint64_t *)ret_item = source->next;
    return source->next++ < source->n;
}

static int increment(void *arg, void *item)
{
    (void)arg;
    ++*(uint64_t *)item;
    return 0;
}

static int add_up(void *arg, void *item)
{
    *(uint64_t *)arg += *(const uint64_t *)item;
    return 0;
}

int bench_pipeline(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    struct koken_group *group = NULL;
    uint64_t sum = 0, done = 0;
    struct source source = {0, bench_size(run, 500000)};
    const struct koken_stage stages[] = {
        {.fn = increment}, {.fn = increment}, {.fn = add_up, .arg = &sum, .in_order = true}};
    const struct koken_pipeline pipeline = {.next = next_item,
                                            .arg = &source,
                                            .stages = stages,
                                            .stage_count = 3,
                                            .item_size = sizeof(uint64_t),
                                            .items_max = UNDER_WAY,
                                            .ret_done = &done};
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t start_ns = koken_now();
    rc = koken_group_new(rt, NULL, &group);
    rc = rc < 0 ? rc : koken_pipeline_run(group, &pipeline);
    rc = bench_error(run, "pipeline", rc);
    rc = rc < 0 ? rc : bench_check(run, "items that came through", source.n, done);
    rc = rc < 0 ? rc : bench_check(run, "their sum", sum_to(source.n) + source.n, sum);
    if (rc == 0) {
        report(run, "pipeline", start_ns, source.n);
    }
    koken_group_free(group);
    return bench_end(run, rt, rc);
}
