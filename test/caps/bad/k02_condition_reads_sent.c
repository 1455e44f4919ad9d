/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a loop condition reads the order that its body sent */
/* CLASS: use-after-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->quantity = 2;
    do {
        koken_post(risk, o);
        market_use(1);
    } while (koken_get(o)->quantity > 1); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
