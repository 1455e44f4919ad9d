/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: const cast away from a val */
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
    koken_val(quote, v) = koken_freeze(q);
    struct quote *w = (struct quote *)koken_get(v); /* BAD */
    w->bid = 1;                                     /* BAD */
    koken_post(risk, v);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
