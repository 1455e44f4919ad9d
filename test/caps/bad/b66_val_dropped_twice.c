/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: one reference to a val dropped twice */
/* CLASS: double-drop */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_mut(q)->bid = 99;
    koken_val(quote, v) = koken_freeze(q);
    koken_drop(v);
    koken_drop(v); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
