/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: two handles swapped through a copy */
/* CLASS: alias-iso */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_slot(order, parked);
    order_iso t = parked; /* BAD */
    parked = o;
    koken_post(risk, o);
    koken_iso(order, again) = koken_take(parked);
    koken_mut(again)->price = 4;
    koken_post(exch, again);
    (void)t;
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
