/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a helper empties the handle behind the back of its owner */
/* CLASS: alias-iso */
#include "market.h"

static void steal(order_iso *h, koken_ref to)
{
    koken_iso(order, mine) = koken_take(*h);
    koken_post(to, mine);
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    steal(&o, risk);         /* BAD */
    koken_mut(o)->price = 1; /* BAD */
    koken_drop(o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
