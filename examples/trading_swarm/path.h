/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a price through one bar. A daily bar tells four prices of the day; a path makes a day
 * of them: N prices that begin at the open, end at the close, touch the high and the low exactly,
 * never leave [low, high], and are the same for the same seed, symbol and date.
 */
#ifndef SWARM_PATH_H
#define SWARM_PATH_H

#include "bars.h"

#define PATH_TICKS_MIN 4u
#define PATH_TICKS_MAX 1000000u

/* Three legs: open to one extreme, to the other extreme, to the close. */
struct path {
    uint64_t chance;
    money price, low, high;
    money target[3];
    uint32_t leg_ticks[3];
    uint32_t leg;
    uint32_t left; /* ticks of this leg still to come */
    money swing;   /* how far one tick of this leg may stray from the straight line */
};

/* path_begin starts the path of bar over tick_count prices, PATH_TICKS_MIN at least. */
void path_begin(struct path *path, const struct bar *bar, uint32_t tick_count, uint64_t seed);

/* path_next answers the next price: to be called tick_count times. */
money path_next(struct path *path);

#endif
