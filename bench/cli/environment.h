/* SPDX-License-Identifier: Apache-2.0 */
/* What a figure depends on besides koken: the machine, the kernel, the build. */
#ifndef BENCH_CLI_ENVIRONMENT_H
#define BENCH_CLI_ENVIRONMENT_H

#include <stddef.h>

struct environment {
    char cpu[96];
    unsigned cores; /* that this process may use */
    unsigned long memory_mib;
    char kernel[160];
    char compiler[64];
    char build[400]; /* the library's account of itself: version, compiler, flags */
    char git[48];    /* commit of the source tree we run in, "" if none is found */
    char date[32];   /* UTC, ISO 8601 */
    char load[32];   /* load averages when it was read */
};

void environment_read(struct environment *env);

/* environment_file reads the first line of a file into text, without its end. -1: it cannot be
 * read. */
int environment_file(const char *path, char *text, size_t size);

#endif
