/* SPDX-License-Identifier: Apache-2.0 */
/* A progress bar on stderr, only where a person watches it (a terminal). */
#ifndef BENCH_CLI_PROGRESS_H
#define BENCH_CLI_PROGRESS_H

#include <stddef.h>

/* progress_show draws: done of total, and what is under way. Nothing happens off a terminal. */
void progress_show(size_t done, size_t total, const char *what);

/* progress_clear takes the bar away, so that a line of output may follow. */
void progress_clear(void);

#endif
