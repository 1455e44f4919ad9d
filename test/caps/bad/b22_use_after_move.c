/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the old name used after koken_move */
/* CLASS: use-after-move */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    koken_iso(order, b) = koken_move(o);
    koken_mut(o)->price = 1; /* BAD */
    koken_post(risk, b);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
