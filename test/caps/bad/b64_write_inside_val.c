/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso inside a val is val too */
/* CLASS: write-val */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_mut(q)->bid = 99;
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        koken_drop(q);
        return;
    }
    koken_put(koken_mut(q)->top, l);
    koken_val(quote, v) = koken_freeze(q);
    koken_poke(koken_get(v)->top)->price = 1; /* BAD */
    koken_post(risk, v);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
