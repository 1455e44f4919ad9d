/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategies: pure functions from a row of prices to a wish - long, short or flat. They know
 * nothing of agents, so that they can be tested, replaced, and trusted to decide alike whenever
 * their prices are alike.
 */
#ifndef SWARM_STRATEGY_H
#define SWARM_STRATEGY_H

#include "money.h"

enum strategy_kind {
    STRATEGY_MOMENTUM,  /* go with the trend: fast average above or below the slow one */
    STRATEGY_REVERSION, /* lean against a price far from its mean, until it is back */
    STRATEGY_BREAKOUT,  /* go with a price that leaves its range of the last bars */
    STRATEGY_COUNT_
};

#define STRATEGY_WINDOW                                                                            \
    20u /* bars looked back on; a strategy stays flat until it has seen them                       \
         */

struct strategy {
    enum strategy_kind kind;
    int target;         /* -1, 0 or 1 */
    uint32_t bars_seen; /* complete ones */
    money high, low;    /* of the bar under way; 0: no tick yet */
    money highs[STRATEGY_WINDOW], lows[STRATEGY_WINDOW], closes[STRATEGY_WINDOW];
    money fast, slow;                         /* momentum: averages times AVERAGE_SCALE */
    money mean, spread;                       /* reversion */
    money top, bottom, exit_top, exit_bottom; /* breakout */
};

/* strategy_see takes the next price in and answers the target. */
int strategy_see(struct strategy *strategy, money price, bool closes_bar);

const char *strategy_name(enum strategy_kind kind);

#endif
