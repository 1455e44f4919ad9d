/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: two orders are put into a pair by initialisation, and sent by both ways */
/* CLASS: alias-iso */
#include "market.h"

struct pair {
    order_iso buy, sell;
};

static void match(struct pair *pair, koken_ref venue)
{
    koken_iso(order, buy) = koken_take(pair->buy);
    koken_iso(order, sell) = koken_take(pair->sell);
    koken_post(venue, buy);
    koken_post(venue, sell);
}

static void trade(koken_ref venue)
{
    koken_iso(order, a) = koken_new(order);
    if (koken_none(a)) {
        return;
    }
    koken_iso(order, b) = koken_new(order);
    if (koken_none(b)) {
        koken_drop(a);
        return;
    }
    struct pair pair = {.buy = a, .sell = b}; /* BAD */
    match(&pair, venue);
    koken_drop(a); /* BAD */
    koken_drop(b); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
