/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a helper borrows a plain pointer for the call */
#include "market.h"

static void reprice(struct order *o, long by)
{
    o->price += by;
}

static long worth(const struct order *o)
{
    return o->price * o->quantity;
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    reprice(koken_mut(o), 3);
    if (worth(koken_get(o)) > 0) {
        reprice(koken_mut(o), 1);
    }
    koken_post(risk, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
