/* SPDX-License-Identifier: Apache-2.0 */
/* Each strategy wishes what it is named for, and nothing before it has seen its window. */
#include "examples/trading_swarm/strategy.c"

#include <criterion/criterion.h>

/* Shows count bars of four ticks that swing by 10 around a price moving by step. Answers the last
 * target. */
static int see_bars(struct strategy *strategy, money price, money step, unsigned count)
{
    int target = strategy->target;

    for (unsigned bar = 0; bar < count; bar++, price += step) {
        strategy_see(strategy, price, false);
        strategy_see(strategy, price + 10, false);
        strategy_see(strategy, price - 10, false);
        target = strategy_see(strategy, price, true);
    }
    return target;
}

Test(strategy, stays_flat_until_the_window_is_full)
{
    for (int kind = 0; kind < STRATEGY_COUNT_; kind++) {
        struct strategy strategy = {.kind = (enum strategy_kind)kind};

        cr_assert_eq(see_bars(&strategy, 100000, 1000, STRATEGY_WINDOW), 0);
    }
}

Test(strategy, momentum_goes_with_the_trend_and_turns_with_it)
{
    struct strategy strategy = {.kind = STRATEGY_MOMENTUM};

    cr_assert_eq(see_bars(&strategy, 100000, 1000, 30), 1);
    cr_assert_eq(see_bars(&strategy, 130000, -1000, 30), -1);
}

Test(strategy, reversion_leans_against_and_leaves_at_the_mean)
{
    struct strategy strategy = {.kind = STRATEGY_REVERSION};

    for (unsigned bar = 0; bar < STRATEGY_WINDOW; bar++) {
        strategy_see(&strategy, bar % 2 == 0 ? 99000 : 101000, true);
    }
    cr_assert_eq(strategy.mean, 100000);
    cr_assert_eq(strategy.spread, 1000);
    cr_assert_eq(strategy_see(&strategy, 102000, false), 0);
    cr_assert_eq(strategy_see(&strategy, 102001, false), -1);
    cr_assert_eq(strategy_see(&strategy, 100001, false), -1);
    cr_assert_eq(strategy_see(&strategy, 100000, false), 0);
    cr_assert_eq(strategy_see(&strategy, 97999, false), 1);
    cr_assert_eq(strategy_see(&strategy, 102001, false), -1);
}

Test(strategy, breakout_enters_above_the_range_and_leaves_below_half_of_it)
{
    struct strategy strategy = {.kind = STRATEGY_BREAKOUT};

    cr_assert_eq(see_bars(&strategy, 100000, 0, STRATEGY_WINDOW), 0);
    cr_assert_eq(strategy.top, 100010);
    cr_assert_eq(strategy_see(&strategy, 100010, false), 0);
    cr_assert_eq(strategy_see(&strategy, 100011, false), 1);
    cr_assert_eq(strategy_see(&strategy, 99990, false), 1);
    cr_assert_eq(strategy_see(&strategy, 99989, false), -1);
}

Test(strategy, same_prices_same_wishes)
{
    struct strategy one = {.kind = STRATEGY_MOMENTUM}, other = one;

    for (unsigned bar = 0; bar < 500; bar++) {
        money price = 100000 + (money)(bar * 7919 % 5000);

        cr_assert_eq(strategy_see(&one, price, bar % 3 == 0),
                     strategy_see(&other, price, bar % 3 == 0));
    }
}
