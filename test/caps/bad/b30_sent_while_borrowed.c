/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso sent inside its own KOKEN_WITH block */
/* CLASS: borrow-escape */
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
        koken_post(risk, o); /* BAD */
        p->price = 1;        /* BAD */
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
