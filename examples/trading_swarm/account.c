/* SPDX-License-Identifier: Apache-2.0 */
/* Bookkeeping of one account. A fill that crosses zero first closes what is open, then opens the
 * rest. */
#include "account.h"

struct account account_open(money start)
{
    return (struct account){.start = start, .cash = start};
}

static int64_t size_of(int64_t shares)
{
    return shares < 0 ? -shares : shares;
}

/*
 * Closes part of the position: shares has the sign of the position. They leave at the average cost,
 * rounded to 1/100 cent; the last share takes the rest with it, so that a flat position costs
 * exactly nothing.
 */
static void close_shares(struct account *account, int64_t shares, money price)
{
    money cost =
        shares == account->shares ? account->cost : account->cost / account->shares * shares;

    account->shares -= shares;
    account->cost -= cost;
    account->cash += shares * price;
    account->realised += shares * price - cost;
}

static void open_shares(struct account *account, int64_t shares, money price)
{
    account->shares += shares;
    account->cost += shares * price;
    account->cash -= shares * price;
}

void account_book(struct account *account, uint32_t tick, int64_t shares, money price, money fee)
{
    bool is_closing = (account->shares > 0 && shares < 0) || (account->shares < 0 && shares > 0);
    int64_t closed = 0; /* with the sign of the position */

    if (is_closing) {
        closed = size_of(shares) < size_of(account->shares) ? -shares : account->shares;
        close_shares(account, closed, price);
    }
    open_shares(account, shares + closed, price);

    account->cash -= fee;
    account->realised -= fee;
    account->fees += fee;
    account->paid += shares * price;
    account->traded += size_of(shares);
    account->fills++;
    account->digest = digest_add(account->digest, tick);
    account->digest = digest_add(account->digest, (uint64_t)shares);
    account->digest = digest_add(account->digest, (uint64_t)price);
}

bool account_balances(const struct account *account)
{
    return account->cash + account->cost == account->start + account->realised;
}

money account_profit(const struct account *account, money price)
{
    return account->cash + account->shares * price - account->start;
}

uint64_t digest_add(uint64_t digest, uint64_t value)
{
    digest = (digest ^ value) * 0x9e3779b97f4a7c15u;
    return digest ^ (digest >> 29);
}
