/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a borrow that ends with its block */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    KOKEN_WITH(p, o)
    {
        p->price += 1;
        p->quantity = 10;
    }
    koken_post(risk, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
