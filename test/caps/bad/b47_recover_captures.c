/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a ref from outside used inside koken_recover */
/* CLASS: recover-capture */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_local(book, outer) = koken_new_local(book);
    koken_iso(book, b) = koken_recover(book, r, {
        r = outer; /* BAD */
        koken_mut(r)->count = 2;
    });
    koken_post(risk, b);
    koken_mut(outer)->count = 3; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
