/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the leg is taken out of the order and forgotten */
/* CLASS: leak */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        koken_drop(o);
        return;
    }
    koken_put(koken_mut(o)->leg, l);
    koken_iso(leg, out) = koken_take(koken_mut(o)->leg);
    koken_mut(out)->price = 1;
    koken_post(risk, o);
    /* BAD: out is forgotten */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
