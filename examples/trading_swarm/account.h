/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of one account (a symbol traded by a strategy): plain double entry at average cost. The
 * rule that must hold after every fill, exactly:
 *
 *     cash + cost == start + realised
 *
 * where cost is what the open position was bought for (negative: sold short for), and realised is
 * what closed positions earned, less all fees.
 */
#ifndef SWARM_ACCOUNT_H
#define SWARM_ACCOUNT_H

#include "money.h"

struct account {
    money start;
    money cash;
    money cost;
    money realised;
    money fees;
    money paid; /* for what was bought, less what was sold for, without fees */
    int64_t shares;
    int64_t traded; /* shares bought or sold */
    uint64_t fills;
    uint64_t digest; /* of every fill in its order */
};

/* account_open is an account with nothing but cash. */
struct account account_open(money start);

/* account_book enters one fill: shares bought, or sold if negative, at logical time tick. */
void account_book(struct account *account, uint32_t tick, int64_t shares, money price, money fee);

bool account_balances(const struct account *account);

/* account_profit is what the account has won or lost if its position is worth price a share. */
money account_profit(const struct account *account, money price);

/* digest_add stirs value into a digest; the order of calls matters. */
uint64_t digest_add(uint64_t digest, uint64_t value);

#endif
