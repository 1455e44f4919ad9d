/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a break out of the loop forgets the order of that turn */
/* CLASS: leak */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    for (int i = 0; i < 3; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return;
        }
        koken_mut(o)->price = i;
        if (i == 2) {
            break; /* BAD */
        }
        koken_post(risk, o);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
