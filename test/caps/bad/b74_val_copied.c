/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a val copied by = instead of koken_dup, both dropped */
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
    quote_val w = v; /* BAD */
    koken_drop(v);
    koken_drop(w); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
