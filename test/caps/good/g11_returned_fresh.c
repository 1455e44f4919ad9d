/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a function returns a fresh iso */
#include "market.h"

static order_iso make(long price)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return koken_empty(order);
    }
    koken_mut(o)->price = price;
    return koken_move(o);
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = make(5);
    if (koken_none(o)) {
        return;
    }
    koken_post(risk, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
