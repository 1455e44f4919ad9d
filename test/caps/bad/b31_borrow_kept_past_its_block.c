/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the pointer of a KOKEN_WITH block kept and used after the send */
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
    struct order *keep = NULL;
    KOKEN_WITH(p, o)
    {
        p->price = 1;
        keep = p; /* BAD */
    }
    koken_post(risk, o);
    keep->price = 2; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
