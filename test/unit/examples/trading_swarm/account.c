/* SPDX-License-Identifier: Apache-2.0 */
/* The books balance after every fill, and a round trip earns what it should. */
#include "examples/trading_swarm/account.c"

#include "examples/trading_swarm/random.h"

#include <criterion/criterion.h>

Test(account, a_long_round_trip_earns_the_difference_less_fees)
{
    struct account account = account_open(1000 * MONEY_DOLLAR);

    account_book(&account, 1, 10, 20 * MONEY_DOLLAR, 500);
    cr_assert_eq(account.cost, 200 * MONEY_DOLLAR);
    cr_assert_eq(account_profit(&account, 21 * MONEY_DOLLAR), 10 * MONEY_DOLLAR - 500);
    account_book(&account, 2, -10, 25 * MONEY_DOLLAR, 500);
    cr_assert_eq(account.shares, 0);
    cr_assert_eq(account.cost, 0);
    cr_assert_eq(account.realised, 50 * MONEY_DOLLAR - 1000);
    cr_assert_eq(account.cash, 1050 * MONEY_DOLLAR - 1000);
    cr_assert(account_balances(&account));
}

Test(account, a_fill_may_turn_a_long_position_short)
{
    struct account account = account_open(0);

    account_book(&account, 1, 10, 100, 0);
    account_book(&account, 2, -30, 120, 0);
    cr_assert_eq(account.shares, -20);
    cr_assert_eq(account.cost, -20 * 120);
    cr_assert_eq(account.realised, 10 * 20);
    account_book(&account, 3, 20, 110, 0);
    cr_assert_eq(account.cost, 0);
    cr_assert_eq(account.realised, 10 * 20 + 20 * 10);
    cr_assert(account_balances(&account));
}

Test(account, balances_after_every_one_of_many_random_fills)
{
    uint64_t chance = 5;

    for (unsigned run = 0; run < 100; run++) {
        struct account account = account_open(100000 * MONEY_DOLLAR);

        for (uint32_t tick = 0; tick < 1000; tick++) {
            int64_t shares = (int64_t)random_below(&chance, 2001) - 1000;
            money price = 1 + random_below(&chance, 3000 * 10000);

            account_book(&account, tick, shares, price, random_below(&chance, 100));
            cr_assert(account_balances(&account), "run %u tick %u", run, tick);
            cr_assert(account.shares != 0 || account.cost == 0);
        }
        account_book(&account, 1000, -account.shares, 7, 0);
        cr_assert_eq(account.cost, 0);
        cr_assert_eq(account.cash, account.start + account.realised);
    }
}

Test(account, the_digest_sees_order)
{
    struct account one = account_open(0), other = account_open(0);

    account_book(&one, 1, 10, 100, 0);
    account_book(&one, 1, 20, 100, 0);
    account_book(&other, 1, 20, 100, 0);
    account_book(&other, 1, 10, 100, 0);
    cr_assert_eq(one.cash, other.cash);
    cr_assert_neq(one.digest, other.digest);
}
