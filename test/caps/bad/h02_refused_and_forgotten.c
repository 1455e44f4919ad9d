/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: refused by the receiver and then leaked */
/* CLASS: leak */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    if (koken_give(risk, o) != 0 && koken_give(exch, o) != 0) {
        market_use(koken_get(o)->price); /* BAD */
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
