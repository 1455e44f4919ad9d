/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a function answers an order, and nobody takes it */
/* CLASS: leak */
#include "market.h"

static order_iso make(long id)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return koken_empty(order);
    }
    koken_mut(o)->id = id;
    return koken_move(o);
}

static void trade(koken_ref venue)
{
    (void)venue;
    (void)make(3); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
