/* SPDX-License-Identifier: Apache-2.0 */
/*
 * teg: what surrounds the running of nodes (bench/teg.c). Figures: ns per node.
 *
 *   teg-cached   independent nodes whose results are all in the cache
 *   teg-cancel   from koken_teg_cancel to the end of a run all of whose nodes wait for one that is elsewhere
 *   teg-json     a graph read from its JSON form and checked
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <koken/teg_io.h>
#include <koken/teg_learn.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_ROOM = 96, CACHED = 10000, CANCELLED = 100000, READ = 10000 };

static int answer_arg(struct koken_teg_call *call)
{
    uint64_t number;
    memcpy(&number, koken_teg_arg(call), sizeof number);
    koken_teg_answer(call, (int64_t)number);
    return 0;
}

/* One run; how long it took, and its numbers. */
static int run_graph(struct bench_run *run, struct koken *rt, koken_ref executor,
                     struct koken_teg *teg, struct koken_teg_metrics *ret_metrics, uint64_t *ret_ns)
{
    struct koken_teg_run *graph_run = NULL;
    uint64_t start = koken_now();
    int rc = koken_teg_run(rt, executor, teg, NULL, KOKEN_S(100), &graph_run);
    *ret_ns = koken_now() - start;
    if (rc == 0) {
        rc = koken_teg_metrics(graph_run, ret_metrics);
    }
    koken_teg_run_free(graph_run);
    return bench_error(run, "koken_teg_run", rc);
}

/* ---- teg-cached ---- */

static int measure_cached(struct bench_run *run, struct koken_teg_cache *cache,
                          struct koken_teg *teg, uint64_t *ret_ns)
{
    struct koken *rt;
    struct koken_teg_metrics metrics = {0};
    struct koken_teg_config config = {.cache = cache};
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    koken_ref executor = koken_teg_executor(rt, &config);
    for (int i = 0; rc == 0 && i < 3; i++) { /* the first fills it, the second warms up */
        rc = run_graph(run, rt, executor, teg, &metrics, ret_ns);
    }
    rc = rc < 0 ? rc : bench_check(run, "hits", koken_teg_count(teg), metrics.cache_hits);
    return bench_end(run, rt, rc);
}

int bench_teg_cached(struct bench_run *run, unsigned arg)
{
    (void)arg;
    uint32_t nodes = (uint32_t)bench_size(run, CACHED);
    struct koken_teg_cache *cache = koken_teg_cache_new(2 * nodes, 0);
    struct koken_teg *teg = koken_teg_new();
    uint64_t ns = 0;
    for (uint64_t i = 0; teg && i < nodes; i++) {
        (void)koken_teg_add(teg,
                            &(struct koken_teg_effect){.run = answer_arg, /* counted by the check */
                                                       .tag = "answer",
                                                       .kind = KOKEN_TEG_PURE,
                                                       .arg = &i,
                                                       .arg_size = sizeof i,
                                                       .is_cached = true});
    }
    int rc = teg && cache ? koken_teg_check(teg, NULL) : -ENOMEM;
    rc = rc < 0 ? bench_error(run, "koken_teg_check", rc) : measure_cached(run, cache, teg, &ns);
    if (rc == 0) {
        bench_report(run, "teg-cached", (double)ns / nodes, "ns/node");
    }
    koken_teg_free(teg);
    koken_teg_cache_free(cache);
    return rc;
}

/* ---- teg-cancel ---- */

static _Atomic(struct koken_teg_call *) elsewhere;

static int begin_elsewhere(struct koken_teg_call *call)
{
    elsewhere = koken_teg_later(call).call;
    return KOKEN_TEG_LATER;
}

/* Cancels one run as soon as its first node has begun. */
static int cancel_one(struct koken *rt, koken_ref executor, struct koken_teg *teg, uint64_t *ret_ns,
                      uint64_t *ret_cancelled)
{
    struct koken_teg_run *graph_run = NULL;
    struct koken_teg_metrics metrics = {0};
    elsewhere = NULL;
    int rc = koken_teg_start(executor, teg, NULL, &graph_run);
    if (rc < 0) {
        return rc;
    }
    while (!elsewhere) { /* ends: it begins */
    }
    koken_teg_token token = {elsewhere};
    uint64_t start = koken_now();
    koken_teg_cancel(graph_run);
    rc = koken_teg_wait(rt, graph_run, KOKEN_S(100));
    *ret_ns = koken_now() - start;
    if (rc == 0) {
        rc = koken_teg_metrics(graph_run, &metrics);
    }
    *ret_cancelled = metrics.cancellations;
    int late = koken_teg_finish(token, 0, 0, NULL, 0);
    koken_teg_run_free(graph_run);
    return rc < 0 ? rc : late == -ECANCELED ? 0 : -EPROTO;
}

int bench_teg_cancel(struct bench_run *run, unsigned arg)
{
    (void)arg;
    uint32_t nodes = (uint32_t)bench_size(run, CANCELLED);
    struct koken_teg *teg = koken_teg_new();
    struct koken *rt;
    uint64_t ns = 0, cancelled = 0, zero = 0;
    struct koken_teg_effect effect = {.run = answer_arg, .arg = &zero, .arg_size = sizeof zero};
    struct koken_teg_effect first = {.run = begin_elsewhere, .place = KOKEN_TEG_ELSEWHERE};
    koken_teg_node root = teg ? koken_teg_add(teg, &first) : (koken_teg_node){0};
    for (uint32_t i = 1; teg && i < nodes; i++) {
        koken_teg_link(teg, root, koken_teg_add(teg, &effect)); /* counted by the check */
    }
    int rc = bench_error(run, "koken_teg_check", teg ? koken_teg_check(teg, NULL) : -ENOMEM);
    rc = rc < 0 ? rc : bench_begin(run, &rt);
    if (rc == 0) {
        koken_ref executor = koken_teg_executor(rt, NULL);
        for (int i = 0; rc == 0 && i < 2; i++) { /* the first warms up */
            rc = bench_error(run, "a run", cancel_one(rt, executor, teg, &ns, &cancelled));
        }
        rc = rc < 0 ? rc : bench_check(run, "cancelled", nodes, cancelled);
        rc = bench_end(run, rt, rc);
    }
    if (rc == 0) {
        bench_report(run, "teg-cancel", (double)ns / nodes, "ns/node");
    }
    koken_teg_free(teg);
    return rc;
}

/* ---- teg-json ---- */

/* A tree of sums. NULL: no memory. */
static char *write_json(uint32_t nodes, size_t *ret_len)
{
    char *text = malloc((size_t)nodes * JSON_ROOM + JSON_ROOM);
    size_t at = 0;
    if (!text) {
        return NULL;
    }
    at += (size_t)sprintf(text, "{\"teg\":1,\"nodes\":[\n");
    for (uint32_t i = 0; i < nodes; i++) {
        at +=
            (size_t)(i == 0
                         ? sprintf(text + at, "{\"id\":\"n0\",\"effect\":\"number\",\"number\":7}")
                         : sprintf(text + at,
                                   ",\n{\"id\":\"n%u\",\"effect\":\"sum\",\"after\":[\"n%u\"]}", i,
                                   (i - 1) / 2));
    }
    at += (size_t)sprintf(text + at, "]}\n");
    *ret_len = at;
    return text;
}

int bench_teg_json(struct bench_run *run, unsigned arg)
{
    (void)arg;
    uint32_t nodes = (uint32_t)bench_size(run, READ);
    struct koken_teg_document document;
    size_t len = 0;
    uint64_t ns = 0;
    char *text = write_json(nodes, &len);
    int rc = text ? 0 : -ENOMEM;
    for (int i = 0; rc == 0 && i < 2; i++) { /* the first warms up */
        uint64_t start = koken_now();
        rc = koken_teg_read(text, len, NULL, &document, NULL);
        ns = koken_now() - start;
        if (rc == 0) {
            rc = bench_check(run, "nodes", nodes, koken_teg_count(document.teg));
            koken_teg_free(document.teg);
        }
    }
    free(text);
    rc = bench_error(run, "koken_teg_read", rc);
    if (rc == 0) {
        bench_report(run, "teg-json", (double)ns / nodes, "ns/node");
    }
    return rc;
}
