/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a val passed to a function that writes */
/* CLASS: write-val */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return;
    }
    koken_val(text, v) = koken_freeze(t);
    memset(koken_get(v)->letters, 120, 4); /* BAD */
    koken_post(risk, v);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
