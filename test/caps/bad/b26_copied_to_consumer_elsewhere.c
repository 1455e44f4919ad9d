/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: copied into a function of another file, then used */
/* CLASS: alias-iso */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    market_route(risk, o);   /* BAD */
    koken_mut(o)->price = 1; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
