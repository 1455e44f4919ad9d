/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a helper hands out a pointer into the order, used after the send */
/* CLASS: borrow-escape */
#include "market.h"

static void price_of(struct order *order, long **ret_price)
{
    *ret_price = &order->price;
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    long *price;
    price_of(koken_mut(o), &price);
    koken_post(risk, o);
    *price = 3; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
