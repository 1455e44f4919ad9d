/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso used after koken_drop */
/* CLASS: use-after-drop */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    koken_drop(o);
    koken_mut(o)->price = 1; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
