/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: frozen inside its own KOKEN_WITH block */
/* CLASS: borrow-escape */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_mut(q)->bid = 99;
    KOKEN_WITH(p, q)
    {
        koken_val(quote, v) = koken_freeze(q); /* BAD */
        p->bid = 1;                            /* BAD */
        koken_post(risk, v);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
