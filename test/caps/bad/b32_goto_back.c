/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a jump back to before the send */
/* CLASS: double-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    int tries = 0;
again:
    koken_post(risk, o); /* BAD */
    if (++tries < 2) {
        goto again;
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
