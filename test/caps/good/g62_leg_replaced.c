/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a leg is replaced: the old one is taken out and given back first */
#include "market.h"

static int set_leg(struct order *order, long quantity)
{
    koken_iso(leg, fresh) = koken_new(leg);
    if (koken_none(fresh)) {
        return -ENOMEM;
    }
    KOKEN_WITH(p, fresh)
    {
        p->quantity = quantity;
        p->price = order->price;
    }
    if (koken_has(order->leg)) {
        koken_iso(leg, old) = koken_take(order->leg);
        koken_mut(fresh)->quantity += koken_get(old)->quantity;
        koken_drop(old);
    }
    koken_put(order->leg, fresh);
    return 0;
}

static long size_of(const struct order *order)
{
    return koken_has(order->leg) ? koken_peek(order->leg)->quantity : 0;
}

int main(void)
{
    koken_ref venue = market_sink();
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 1;
    }
    koken_mut(o)->price = 5;
    for (long i = 1; i < 4; i++) {
        if (set_leg(koken_mut(o), i) < 0) {
            koken_drop(o);
            return 1;
        }
    }
    market_use(size_of(koken_get(o)));
    koken_val(order, v) = koken_freeze(o);
    market_use(size_of(koken_get(v)));
    koken_post(venue, v);
    return market_run();
}
