/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: the best of some orders in a slot: the one before it is given back */
#include "market.h"

static long value_of(const struct order *order)
{
    return order->price * order->quantity;
}

static void trade(koken_ref venue)
{
    koken_slot(order, best);

    for (long i = 0; i < 5; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            break;
        }
        koken_mut(o)->price = i * 3 % 5;
        koken_mut(o)->quantity = 2;
        if (koken_has(best)) {
            if (value_of(koken_peek(best)) >= value_of(koken_get(o))) {
                koken_drop(o);
                continue;
            }
            koken_iso(order, worse) = koken_take(best);
            koken_drop(worse);
        }
        koken_put(best, o);
    }
    if (!koken_has(best)) {
        return;
    }
    koken_iso(order, winner) = koken_take(best);
    koken_post(venue, winner);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
