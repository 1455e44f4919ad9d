/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring: each benchmark runs in a child process, which sends its figures back through a pipe.
 * So a benchmark that hangs or crashes costs only itself, memory figures start from a fresh heap,
 * and one benchmark's leftovers never warm or burden the next.
 */
#ifndef BENCH_CLI_MEASURE_H
#define BENCH_CLI_MEASURE_H

#include "bench/bench.h"
#include "bench/cli/series.h"

#include <stdio.h>

struct bench_run {
    unsigned workers; /* 0: the runtime's default */
    bool is_one;      /* rows get "-1w" */
    bool is_quick;
    bool is_warm_up; /* figures are thrown away */
    uint64_t seed;
    FILE *figures; /* lines "NAME VALUE UNIT" */
    char error[200];
};

struct measure_plan {
    unsigned workers;
    unsigned repetitions;
    bool has_warm_up; /* one repetition before, not counted */
    bool is_pinned;   /* the process stays on one core */
    bool is_quick;
    bool in_process; /* no child: for debuggers and profilers */
    uint64_t seed;
    unsigned timeout_s; /* of one child */
};

/* measure runs bench as planned and adds its samples to table. 0, or -1 after telling why on
 * stderr. */
int measure(const struct bench *bench, const struct measure_plan *plan, struct series_table *table);

#endif
