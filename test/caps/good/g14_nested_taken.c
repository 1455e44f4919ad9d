/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a nested iso taken out and sent by itself */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        koken_drop(o);
        return;
    }
    koken_put(koken_mut(o)->leg, l);
    koken_iso(leg, m) = koken_take(koken_mut(o)->leg);
    koken_post(exch, m);
    koken_post(risk, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
