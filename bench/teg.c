/* SPDX-License-Identifier: Apache-2.0 */
/*
 * teg: task effect graphs of 100 000 nodes. The graph is built and checked before the clock starts; a run is timed
 * from koken_teg_run to its return. Figures: ns per node. bench/tbb has the same graphs for oneTBB's flow graph.
 *
 *   teg-empty    independent nodes that do nothing: the overhead of a node
 *   teg-dag-N    a random graph of nodes that spin for N us
 *   teg-even     8 nodes of 50 ms: the efficiency of all workers
 *   teg-skew     a skewed graph after 50 adaptive runs: its time relative to list scheduling with true costs
 */
#include "bench/bench.h"
#include "bench/registry.h"
#include "bench/teg_dag.h"

#include <koken/teg_run.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EMPTY_DEGREE = 0,
    DAG_DEGREE = 2,
    EVEN_NODES = 8,
    EVEN_US = 50000,
    SKEW_NODES = 60,
    SKEW_RUNS = 50,
    SKEW_LAST = 5, /* of which the best is taken: others use this machine too */
};

static int spin(struct koken_teg_call *call)
{
    uint64_t us = *(const uint64_t *)koken_teg_arg(call);
    if (us > 0) {
        uint64_t end = koken_now() + KOKEN_US(us);
        while (koken_now() < end) { /* ends: time passes */
        }
    }
    koken_teg_answer(call, 1);
    return 0;
}

static void add_link(void *arg, uint32_t from, uint32_t to)
{
    koken_teg_link(arg, (koken_teg_node){from + 1}, (koken_teg_node){to + 1});
}

static struct koken_teg *make_graph(uint32_t nodes, uint32_t degree, uint64_t us)
{
    struct koken_teg *teg = koken_teg_new();
    for (uint32_t i = 0; teg && i < nodes; i++) {
        (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = spin, /* counted by the check */
                                                            .tag = "spin",
                                                            .arg = &us,
                                                            .arg_size = sizeof us});
    }
    if (teg) {
        bench_dag(nodes, degree, 1, add_link, teg);
    }
    return teg;
}

/* One run, after one that is not counted. */
static int measure(struct bench_run *run, struct koken *rt, koken_ref executor,
                   struct koken_teg *teg, struct koken_teg_metrics *ret_metrics, uint64_t *ret_ns)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++) {
        struct koken_teg_run *graph_run = NULL;
        uint64_t start = koken_now();
        rc = koken_teg_run(rt, executor, teg, NULL, KOKEN_S(100), &graph_run);
        *ret_ns = koken_now() - start;
        if (rc == 0) {
            rc = koken_teg_metrics(graph_run, ret_metrics);
        }
        koken_teg_run_free(graph_run);
    }
    rc = bench_error(run, "koken_teg_run", rc);
    return rc < 0 ? rc
                  : bench_check(run, "completed", koken_teg_count(teg), ret_metrics->completed);
}

static int measure_graph(struct bench_run *run, struct koken_teg *teg,
                         struct koken_teg_metrics *ret_metrics, uint64_t *ret_ns)
{
    struct koken *rt;
    struct koken_teg_config config;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    koken_teg_config_default(&config);
    config.worker_count = 0;
    config.adaptive_scheduling = false;
    koken_ref executor = koken_teg_executor(rt, &config);
    rc = koken_is_nobody(executor) ? bench_error(run, "executor", -ENOMEM)
                                   : measure(run, rt, executor, teg, ret_metrics, ret_ns);
    return bench_end(run, rt, rc);
}

int bench_teg(struct bench_run *run, unsigned arg)
{
    static const char *const names[] = {"teg-dag-0", "teg-dag-1", "teg-dag-10"};
    static const uint64_t micros[] = {0, 1, 10};
    uint32_t nodes = (uint32_t)bench_size(run, 100000);
    struct koken_teg_metrics metrics;
    uint64_t ns = 0;
    bool is_empty = arg == 0;
    struct koken_teg *teg =
        make_graph(nodes, is_empty ? (uint32_t)EMPTY_DEGREE : (uint32_t)DAG_DEGREE,
                   is_empty ? 0 : micros[arg - 1]);
    int rc = teg ? koken_teg_check(teg, NULL) : -ENOMEM;
    rc = rc < 0 ? bench_error(run, "koken_teg_check", rc) : measure_graph(run, teg, &metrics, &ns);
    if (rc == 0) {
        bench_report(run, is_empty ? "teg-empty" : names[arg - 1], (double)ns / nodes, "ns/node");
    }
    koken_teg_free(teg);
    return rc;
}

int bench_teg_even(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken_teg_metrics metrics;
    uint64_t ns = 0;
    struct koken_teg *teg = make_graph(EVEN_NODES, 0, bench_size(run, EVEN_US));
    int rc = teg ? koken_teg_check(teg, NULL) : -ENOMEM;
    rc = rc < 0 ? bench_error(run, "koken_teg_check", rc) : measure_graph(run, teg, &metrics, &ns);
    if (rc == 0) {
        bench_report(run, "teg-even", metrics.parallelism_efficiency, "busy/wall");
    }
    koken_teg_free(teg);
    return rc;
}

/* ---- teg-skew ---- */

/* Few nodes take long, and their costs do not tell which. */
static uint64_t skewed_us(uint32_t node)
{
    uint64_t state = node + 77, draw = bench_dag_random(&state);
    return draw % 10 == 0 ? 1000 + draw / 16 % 4000 : 50 + draw / 16 % 150;
}

struct skew {
    uint64_t us[SKEW_NODES], level[SKEW_NODES], ready_us[SKEW_NODES];
    bool is_linked[SKEW_NODES][SKEW_NODES], is_done[SKEW_NODES];
};

static void note_link(void *arg, uint32_t from, uint32_t to)
{
    ((struct skew *)arg)->is_linked[from][to] = true;
}

/* The ready node with the longest way to an end, that begins first; SKEW_NODES: none. */
static uint32_t pick(const struct skew *skew, uint64_t now_us)
{
    uint32_t best = SKEW_NODES;
    for (uint32_t i = 0; i < SKEW_NODES; i++) {
        bool is_ready = !skew->is_done[i] && skew->ready_us[i] <= now_us;
        for (uint32_t from = 0; from < i && is_ready; from++) {
            is_ready = !skew->is_linked[from][i] || skew->is_done[from];
        }
        if (is_ready && (best == SKEW_NODES || skew->level[i] > skew->level[best])) {
            best = i;
        }
    }
    return best;
}

/* The time that list scheduling with true costs takes on so many workers. */
static uint64_t list_schedule(struct skew *skew, unsigned workers)
{
    uint64_t free_us[1024] = {0}, end_us = 0;
    for (uint32_t i = SKEW_NODES; i-- > 0;) {
        skew->level[i] = 0;
        for (uint32_t to = i + 1; to < SKEW_NODES; to++) {
            if (skew->is_linked[i][to] && skew->level[to] > skew->level[i]) {
                skew->level[i] = skew->level[to];
            }
        }
        skew->level[i] += skew->us[i];
    }
    for (uint32_t left = SKEW_NODES; left > 0;) {
        unsigned first = 0;
        for (unsigned w = 1; w < workers; w++) {
            first = free_us[w] < free_us[first] ? w : first;
        }
        uint32_t node = pick(skew, free_us[first]);
        if (node == SKEW_NODES) { /* nothing is ready yet: this worker waits for the next end */
            uint64_t next = UINT64_MAX;
            for (uint32_t i = 0; i < SKEW_NODES; i++) {
                uint64_t at = skew->ready_us[i];
                next = at > free_us[first] && at < next ? at : next;
            }
            free_us[first] = next;
            continue;
        }
        uint64_t end = free_us[first] + skew->us[node];
        free_us[first] = end;
        end_us = end > end_us ? end : end_us;
        skew->is_done[node] = true;
        left--;
        for (uint32_t to = node + 1; to < SKEW_NODES; to++) {
            if (skew->is_linked[node][to] && skew->ready_us[to] < end) {
                skew->ready_us[to] = end;
            }
        }
    }
    return end_us;
}

static struct koken_teg *make_skewed(struct skew *skew)
{
    struct koken_teg *teg = koken_teg_new();
    char tag[16];
    for (uint32_t i = 0; teg && i < SKEW_NODES; i++) {
        skew->us[i] = skewed_us(i);
        (void)snprintf(tag, sizeof tag, "t%u", i);
        (void)koken_teg_add(teg, &(struct koken_teg_effect){.run = spin, /* counted by the check */
                                                            .tag = tag,
                                                            .arg = &skew->us[i],
                                                            .arg_size = sizeof skew->us[i]});
    }
    if (teg) {
        bench_dag(SKEW_NODES, 1, 3, add_link, teg);
        bench_dag(SKEW_NODES, 1, 3, note_link, skew);
    }
    return teg;
}

/* 50 runs; the first one's time, and the best of the last ones. */
static int run_skewed(struct bench_run *run, struct koken *rt, struct koken_teg *teg,
                      uint64_t *ret_first_ns, uint64_t *ret_last_ns)
{
    koken_ref executor = koken_teg_executor(rt, NULL);
    int rc = koken_is_nobody(executor) ? -ENOMEM : 0;
    *ret_last_ns = UINT64_MAX;
    for (int i = 0; rc == 0 && i < SKEW_RUNS; i++) {
        struct koken_teg_run *graph_run = NULL;
        uint64_t start = koken_now();
        rc = koken_teg_run(rt, executor, teg, NULL, KOKEN_S(100), &graph_run);
        uint64_t ns = koken_now() - start;
        koken_teg_run_free(graph_run);
        *ret_first_ns = i == 0 ? ns : *ret_first_ns;
        if (i >= SKEW_RUNS - SKEW_LAST && ns < *ret_last_ns) {
            *ret_last_ns = ns;
        }
    }
    return bench_error(run, "koken_teg_run", rc);
}

int bench_teg_skew(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    struct skew *skew = calloc(1, sizeof *skew);
    struct koken_teg *teg = skew ? make_skewed(skew) : NULL;
    uint64_t first_ns = 0, last_ns = 0, best_us = 0;
    int rc = bench_begin(run, &rt);
    if (rc == 0) {
        rc = teg ? koken_teg_check(teg, NULL) : -ENOMEM;
        rc = bench_error(run, "koken_teg_check", rc);
        rc = rc < 0 ? rc : run_skewed(run, rt, teg, &first_ns, &last_ns);
        best_us = rc < 0 ? 1 : list_schedule(skew, koken_workers(rt));
        rc = bench_end(run, rt, rc);
    }
    if (rc == 0) {
        bench_report(run, "teg-skew-first", (double)first_ns / 1e3 / (double)best_us, "x");
        bench_report(run, "teg-skew", (double)last_ns / 1e3 / (double)best_us, "x");
    }
    koken_teg_free(teg);
    free(skew);
    return rc;
}
