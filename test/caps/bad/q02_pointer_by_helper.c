/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a helper finds a place inside of an order, which is written after the order was sent */
/* CLASS: borrow-escape */
#include "market.h"

static long *field_of(struct order *order, int which)
{
    return which == 0 ? &order->price : &order->quantity;
}

static void trade(koken_ref risk)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    long *field = field_of(koken_mut(o), (int)(market_limit() & 1));
    *field = 3;
    koken_post(risk, o);
    *field = 4; /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
