/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: writing an iso that was sent races with the receiver */
/* CLASS: use-after-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    koken_post(risk, o);
    koken_mut(o)->price = 3; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
