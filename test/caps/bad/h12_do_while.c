/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a loop that ends too late */
/* CLASS: double-drop */
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
    int turns = 0;
    do {
        koken_drop(o); /* BAD */
    } while (++turns < market_limit() - 48);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
