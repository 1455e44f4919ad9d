/* SPDX-License-Identifier: Apache-2.0 */
/* What the bench prints: lines, markdown tables, the comparison of two runs. */
#ifndef BENCH_CLI_REPORT_H
#define BENCH_CLI_REPORT_H

#include "bench/cli/environment.h"
#include "bench/cli/series.h"

#include <stdint.h>
#include <stdio.h>

/*
 * report_lines prints "NAME koken VALUE UNIT" for each series from first on; the value is the median. Behind a row
 * NAME-ck or NAME-urcu it prints "NAME koken/ck RATIO ratio", ours by theirs.
 */
void report_lines(FILE *out, const struct series_table *table, size_t first);

/* report_markdown prints the environment and a table of median, p99, min, max. */
void report_markdown(FILE *out, const struct environment *env, uint64_t seed, const char *command,
                     const struct series_table *table);

/*
 * report_peers prints medians of koken and every peer of table side by side, one row per benchmark.
 */
void report_peers(FILE *out, const struct series_table *table);

/*
 * report_read_peers adds the lines "NAME PEER VALUE UNIT" of a file, without koken's own unless
 * with_koken. -1 after telling why on stderr.
 */
int report_read_peers(const char *path, bool with_koken, struct series_table *table);

/* report_compare prints the change of each figure and answers how many got worse (> 10 %, p <
 * 0.05). */
unsigned report_compare(FILE *out, const struct series_table *before,
                        const struct series_table *after);

#endif
