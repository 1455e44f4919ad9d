/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: sent on one path, used where the paths meet */
/* CLASS: use-after-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    if (koken_get(o)->price > market_limit()) {
        koken_post(risk, o);
    }
    koken_mut(o)->quantity = 7; /* BAD */
    koken_post(exch, o);        /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
