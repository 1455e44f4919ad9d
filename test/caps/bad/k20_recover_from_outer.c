/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: koken_recover links an outer ref into its result */
/* CLASS: recover-capture */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_local(book, mine) = koken_new_local(book);
    koken_iso(book, out) = koken_recover(book, r, {
        koken_discard(r);
        r = mine; /* BAD */
    });
    if (koken_none(out)) {
        return;
    }
    koken_post(risk, out);
    koken_mut(mine)->best = 1;
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
