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
#include <stdlib.h>

enum { EMPTY_DEGREE = 0, DAG_DEGREE = 2, EVEN_NODES = 8, EVEN_US = 50000 };

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
        bench_report(run, "teg-even", metrics.parallelism_efficiency, "busy/wall/worker");
    }
    koken_teg_free(teg);
    return rc;
}
