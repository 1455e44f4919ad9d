/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: used on the path where the receiver has it */
/* CLASS: use-after-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    if (koken_give(risk, o) == 0) {
        koken_mut(o)->price = 1; /* BAD */
    } else {
        koken_post(exch, o);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
