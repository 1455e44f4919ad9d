/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the val read after it was thawed */
/* CLASS: use-after-move */
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
    koken_iso(quote, w) = koken_thaw(v);
    if (koken_none(w)) {
        return;
    }
    koken_mut(w)->bid = koken_get(v)->ask; /* BAD */
    koken_post(risk, w);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
