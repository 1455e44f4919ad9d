/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: realloc on a payload */
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
    void *larger = realloc(koken_mut(o), 512); /* BAD */
    free(larger);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
