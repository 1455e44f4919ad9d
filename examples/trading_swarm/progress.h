/* SPDX-License-Identifier: Apache-2.0 */
/* How far the run is: a bar on a terminal, now and then a line elsewhere. On standard error. */
#ifndef SWARM_PROGRESS_H
#define SWARM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    uint64_t total;
    uint64_t started_at, told_at;
    bool is_terminal;
};

void progress_begin(struct progress *progress, uint64_t total);
void progress_tell(struct progress *progress, uint64_t ticks, uint64_t fills);
void progress_end(struct progress *progress);

#endif
