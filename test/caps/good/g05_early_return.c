/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: consumed on the error path too */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    if (koken_get(o)->quantity < 0) {
        koken_drop(o);
        return;
    }
    koken_post(risk, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
