/* SPDX-License-Identifier: Apache-2.0 */
/* A market feed: sends the ticks of one symbol to its analysts, never more than a window ahead. */
#ifndef SWARM_FEED_H
#define SWARM_FEED_H

#include "bars.h"
#include "strategy.h"

#include <koken.h>

#define FEED_BATCH 64u   /* ticks from mark to mark; stop losses are looked at then */
#define FEED_WINDOW 256u /* ticks whose consequences may be under way at a time */

struct feed_plan {
    uint64_t seed;
    uint32_t symbol;
    uint32_t bar_count;
    uint32_t ticks_per_bar;
    koken_ref analysts[STRATEGY_COUNT_];
};

/* feed_open begins a feed of the bars of series, whose copy it hands to the agent. */
int feed_open(struct koken *rt, const struct feed_plan *plan, const struct series *series);

#endif
