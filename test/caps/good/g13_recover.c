/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: built with refs, recovered as iso */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(book, b) = koken_recover(book, r, {
        if (koken_has(r)) {
            book_ref alias = r;
            koken_mut(alias)->best = 7;
            koken_mut(r)->count = 2;
        }
    });
    if (koken_none(b)) {
        return;
    }
    koken_post(risk, b);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
