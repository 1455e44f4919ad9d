/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pointer from koken_get used after the drop */
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
    koken_mut(q)->bid = 99;
    koken_val(quote, v) = koken_freeze(q);
    const struct quote *p = koken_get(v);
    koken_drop(v);
    market_use(p->bid); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
