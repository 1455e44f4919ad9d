/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the second turn sends an empty handle */
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
    for (int i = 0; i < 2; i++) {
        koken_post(risk, o); /* BAD */
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
