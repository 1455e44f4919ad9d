/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: free() on an iso */
/* CLASS: wrong-dealloc */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    free(koken_mut(o)); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
