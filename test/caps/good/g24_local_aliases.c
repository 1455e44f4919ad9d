/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: refs have aliases inside one agent */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_local(book, a) = koken_new_local(book);
    if (!koken_has(a)) {
        return;
    }
    book_ref b = a;
    koken_mut(a)->best = 1;
    koken_mut(b)->count = koken_get(a)->best;
    koken_discard(a);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
