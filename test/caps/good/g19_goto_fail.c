/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: one exit for all failures */
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
        goto fail;
    }
    if (koken_get(o)->price > 1000) {
        goto fail;
    }
    koken_post(risk, o);
    return;
fail:
    koken_drop(o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
