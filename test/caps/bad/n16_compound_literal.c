/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order left behind in a compound literal */
/* CLASS: leak */
#include "market.h"

struct pair {
    order_iso bid, ask;
};

static long spread(const struct pair *pair)
{
    return koken_peek(pair->ask)->price - koken_peek(pair->bid)->price;
}

static void trade(koken_ref risk)
{
    (void)risk;
    koken_iso(order, bid) = koken_new(order);
    if (koken_none(bid)) {
        return;
    }
    koken_iso(order, ask) = koken_new(order);
    if (koken_none(ask)) {
        koken_drop(bid);
        return;
    }
    koken_mut(ask)->price = 3;
    market_use(
        spread(&(struct pair){koken_move(bid), koken_move(ask)})); /* BAD: nobody owns the pair */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
