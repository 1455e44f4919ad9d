/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: every case of a switch consumes */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    switch (koken_get(o)->id) {
    case 0: koken_post(risk, o); break;
    case 1: koken_post(exch, o); break;
    default: koken_drop(o); break;
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
