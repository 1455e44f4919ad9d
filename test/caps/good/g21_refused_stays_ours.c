/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a refused send leaves the iso with the sender */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    if (koken_give(risk, o) != 0) {
        koken_mut(o)->quantity++;
        koken_post(exch, o);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
