/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a val shared after its reference was dropped */
/* CLASS: use-after-drop */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_mut(q)->bid = 99;
    koken_val(quote, v) = koken_freeze(q);
    koken_drop(v);
    (void)!koken_share(risk, v); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
