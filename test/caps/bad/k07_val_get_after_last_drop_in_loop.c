/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the val is dropped in the turn before it is read */
/* CLASS: use-after-drop */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_val(quote, v) = koken_freeze(q);
    for (int i = 0; i < 2; i++) {
        market_use(koken_get(v)->bid); /* BAD */
        koken_drop(v);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
