/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What depends on whole bars is computed once, when a bar closes; a tick then costs some
 * comparisons. All in whole numbers, so no compiler or machine sees another market.
 */
#include "strategy.h"

#define AVERAGE_SCALE 256 /* the averages' fraction: 8 bits */
#define FAST_BARS 5
#define SLOW_BARS 20
#define BAND_PART 256  /* momentum turns when the averages are 1/256 of the price apart */
#define EXIT_BARS 5u   /* breakout leaves at the far end of half its range */
#define SPREADS_AWAY 2 /* reversion enters two mean deviations from the mean */

const char *strategy_name(enum strategy_kind kind)
{
    static const char *const names[STRATEGY_COUNT_] = {"momentum", "reversion", "breakout"};

    return names[kind];
}

/* ---- at the close of a bar ---- */

static money highest(const money *prices, uint32_t newest, uint32_t count)
{
    money high = prices[newest];

    for (uint32_t back = 1; back < count; back++) {
        money price = prices[(newest + STRATEGY_WINDOW - back) % STRATEGY_WINDOW];

        high = price > high ? price : high;
    }
    return high;
}

static money lowest(const money *prices, uint32_t newest, uint32_t count)
{
    money low = prices[newest];

    for (uint32_t back = 1; back < count; back++) {
        money price = prices[(newest + STRATEGY_WINDOW - back) % STRATEGY_WINDOW];

        low = price < low ? price : low;
    }
    return low;
}

static void measure_mean(struct strategy *strategy)
{
    money sum = 0, away = 0;

    for (uint32_t i = 0; i < STRATEGY_WINDOW; i++) {
        sum += strategy->closes[i];
    }
    strategy->mean = sum / (money)STRATEGY_WINDOW;
    for (uint32_t i = 0; i < STRATEGY_WINDOW; i++) {
        money gap = strategy->closes[i] - strategy->mean;

        away += gap < 0 ? -gap : gap;
    }
    strategy->spread = away / (money)STRATEGY_WINDOW;
}

static void close_bar(struct strategy *strategy, money close)
{
    uint32_t newest = strategy->bars_seen++ % STRATEGY_WINDOW;

    strategy->highs[newest] = strategy->high;
    strategy->lows[newest] = strategy->low;
    strategy->closes[newest] = close;
    strategy->high = strategy->low = 0;
    if (strategy->bars_seen == 1) {
        strategy->fast = strategy->slow = close * AVERAGE_SCALE;
    }
    strategy->fast += (close * AVERAGE_SCALE - strategy->fast) / FAST_BARS;
    strategy->slow += (close * AVERAGE_SCALE - strategy->slow) / SLOW_BARS;
    if (strategy->bars_seen < STRATEGY_WINDOW) {
        return;
    }
    measure_mean(strategy);
    strategy->top = highest(strategy->highs, newest, STRATEGY_WINDOW);
    strategy->bottom = lowest(strategy->lows, newest, STRATEGY_WINDOW);
    strategy->exit_top = highest(strategy->highs, newest, EXIT_BARS);
    strategy->exit_bottom = lowest(strategy->lows, newest, EXIT_BARS);
}

/* ---- at each tick ---- */

/*
 * The averages as they would be if the bar closed now. Between the bands the target stays as it is.
 */
static int follow_trend(const struct strategy *strategy, money price)
{
    money fast = strategy->fast + (price * AVERAGE_SCALE - strategy->fast) / FAST_BARS;
    money slow = strategy->slow + (price * AVERAGE_SCALE - strategy->slow) / SLOW_BARS;
    money band = price * AVERAGE_SCALE / BAND_PART;

    return fast - slow > band ? 1 : slow - fast > band ? -1 : strategy->target;
}

static int lean_against(const struct strategy *strategy, money price)
{
    money gap = price - strategy->mean;

    if (gap > SPREADS_AWAY * strategy->spread) {
        return -1;
    }
    if (gap < -SPREADS_AWAY * strategy->spread) {
        return 1;
    }
    return strategy->target > 0 ? gap < 0 : strategy->target < 0 ? -(gap > 0) : 0;
}

static int break_out(const struct strategy *strategy, money price)
{
    if (price > strategy->top) {
        return 1;
    }
    if (price < strategy->bottom) {
        return -1;
    }
    return strategy->target > 0   ? price >= strategy->exit_bottom
           : strategy->target < 0 ? -(price <= strategy->exit_top)
                                  : 0;
}

int strategy_see(struct strategy *strategy, money price, bool closes_bar)
{
    static int (*const decide[STRATEGY_COUNT_])(const struct strategy *, money) = {
        [STRATEGY_MOMENTUM] = follow_trend,
        [STRATEGY_REVERSION] = lean_against,
        [STRATEGY_BREAKOUT] = break_out,
    };

    strategy->high = price > strategy->high ? price : strategy->high;
    strategy->low = strategy->low == 0 || price < strategy->low ? price : strategy->low;
    if (strategy->bars_seen >= STRATEGY_WINDOW) {
        strategy->target = decide[strategy->kind](strategy, price);
    }
    if (closes_bar) {
        close_bar(strategy, price);
    }
    return strategy->target;
}
