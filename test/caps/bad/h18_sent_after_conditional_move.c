/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: moved on one path, sent on both */
/* CLASS: double-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    koken_slot(order, parked);
    if (koken_get(o)->price > market_limit()) {
        koken_put(parked, o);
    }
    koken_post(risk, o); /* BAD */
    if (koken_has(parked)) {
        koken_iso(order, p) = koken_take(parked);
        koken_drop(p);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
