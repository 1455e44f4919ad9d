/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso cannot be shared */
/* CLASS: send-nonsendable */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    (void)!koken_share(risk, o); /* BAD */
    koken_post(exch, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
