/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars: what a symbol's price did in one day (or month), as read from CSV files. All files are read
 * and checked before the first agent exists; afterwards a market is constant and all agents may
 * read it.
 */
#ifndef SWARM_BARS_H
#define SWARM_BARS_H

#include "money.h"

#include <stdio.h>

struct bar {
    uint32_t date; /* 20000103 */
    money open, high, low, close;
};

#define SYMBOL_SIZE 16

/* All bars of one symbol, in the order of their dates. */
struct series {
    char symbol[SYMBOL_SIZE];
    struct bar *bars;
    size_t count;
    size_t room;
};

struct market {
    struct series *series;
    size_t count;
};

/*
 * bars_read adds the bars of the file at path to market. What is wrong with it goes to complaints,
 * one line each, as `path:line: field NAME: what is wrong`. Answers the number of complaints; 0:
 * all is well.
 */
unsigned bars_read(struct market *market, const char *path, FILE *complaints);

/* market_free gives back what bars_read took; the market is empty again. */
void market_free(struct market *market);

/* market_bars is the number of bars of all symbols. */
size_t market_bars(const struct market *market);

#endif
