/* SPDX-License-Identifier: Apache-2.0 */
/* The file that `koken bench --json` writes and `--compare` reads. */
#ifndef BENCH_CLI_JSON_H
#define BENCH_CLI_JSON_H

#include "bench/cli/environment.h"
#include "bench/cli/series.h"

#include <stdint.h>

/* json_write writes environment, seed and all series. -1 after telling why on stderr. */
int json_write(const char *path, const struct environment *env, uint64_t seed,
               const struct series_table *table);

/* json_read adds the series of a file that json_write made. -1 after telling where it is wrong. */
int json_read(const char *path, struct series_table *table);

#endif
