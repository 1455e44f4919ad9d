/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a deep copy goes, the original stays */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    koken_iso(order, copy) = koken_clone(o);
    if (!koken_none(copy)) {
        koken_post(exch, copy);
    }
    koken_post(risk, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
