/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws at most ten times a second on a terminal; elsewhere writes a plain line every five seconds.
 */
#define _POSIX_C_SOURCE 200809L

#include "progress.h"

#include <koken.h>

#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 30

void progress_begin(struct progress *progress, uint64_t total)
{
    uint64_t now = koken_now();

    *progress = (struct progress){.total = total,
                                  .started_at = now,
                                  .told_at = now,
                                  .is_terminal = isatty(STDERR_FILENO) != 0};
}

static void draw_bar(uint64_t ticks, uint64_t total)
{
    static const char full[] = "==============================",
                      empty[] = "                              ";
    int filled = (int)(ticks * BAR_WIDTH / total);

    fprintf(stderr, "\r[%.*s>%.*s] ", filled, full, BAR_WIDTH - filled, empty);
}

void progress_tell(struct progress *progress, uint64_t ticks, uint64_t fills)
{
    uint64_t now = koken_now();
    double seconds = (double)(now - progress->started_at) / 1e9;
    double rate = (double)ticks / seconds;

    if (now - progress->told_at < (progress->is_terminal ? KOKEN_MS(100) : KOKEN_S(5)) ||
        rate <= 0) {
        return;
    }
    progress->told_at = now;
    if (progress->is_terminal) {
        draw_bar(ticks, progress->total);
    }
    fprintf(stderr, "%2.0f %%  %.1f of %.1f M ticks  %.2f M/s  eta %.0f s  %llu fills%s",
            (double)ticks * 100 / (double)progress->total, (double)ticks / 1e6,
            (double)progress->total / 1e6, rate / 1e6, (double)(progress->total - ticks) / rate,
            (unsigned long long)fills, progress->is_terminal ? "  " : "\n");
    fflush(stderr);
}

/* The bar leaves no trace: what remains on the terminal is the report. */
void progress_end(struct progress *progress)
{
    if (progress->is_terminal) {
        fputs("\r\033[K", stderr);
    }
}
