/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: memset over a val */
/* CLASS: write-val */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_val(quote, v) = koken_freeze(q);
    memset((void *)koken_get(v), 1, 8); /* BAD */
    koken_post(risk, v);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
