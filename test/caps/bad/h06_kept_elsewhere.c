/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a function of another file keeps the borrowed pointer */
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
    market_keep(koken_mut(o));
    koken_post(risk, o);
    market_touch(); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
