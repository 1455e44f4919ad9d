/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: frozen twice */
/* CLASS: use-after-freeze */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_mut(q)->bid = 99;
    koken_val(quote, v) = koken_freeze(q);
    koken_val(quote, w) = koken_freeze(q); /* BAD */
    koken_post(risk, v);
    koken_post(exch, w);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
