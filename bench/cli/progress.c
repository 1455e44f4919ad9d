/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/cli/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 28 };

static bool is_watched(void)
{
    return isatty(STDERR_FILENO) == 1;
}

void progress_show(size_t done, size_t total, const char *what)
{
    if (!is_watched() || total == 0) {
        return;
    }
    char bar[WIDTH + 1];
    size_t filled = done * WIDTH / total;
    memset(bar, ' ', WIDTH);
    memset(bar, '=', filled);
    if (filled < WIDTH) {
        bar[filled] = '>';
    }
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r\033[K[%s] %3zu %%  %zu/%zu  %s", bar, done * 100 / total, done, total,
            what);
    fflush(stderr);
}

void progress_clear(void)
{
    if (is_watched()) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
