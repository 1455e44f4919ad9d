/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the old iso sent after koken_freeze */
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
    koken_post(risk, q); /* BAD */
    koken_post(exch, v);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
