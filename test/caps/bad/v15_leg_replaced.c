/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a leg is replaced by a new one, and the old one forgotten */
/* CLASS: leak */
#include "market.h"

static int set_leg(struct order *order, long quantity)
{
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        return -ENOMEM;
    }
    koken_mut(l)->quantity = quantity;
    koken_put(order->leg, l); /* BAD: when there is one */
    return 0;
}

static void trade(koken_ref venue)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    if (set_leg(koken_mut(o), 10) < 0 || set_leg(koken_mut(o), 20) < 0) {
        koken_drop(o);
        return;
    }
    koken_post(venue, o);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
