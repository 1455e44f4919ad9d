/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a handle passed by plain copy to a helper that consumes it */
/* CLASS: alias-iso */
#include "market.h"

static void route(koken_ref to, order_iso h)
{
    koken_owned(h);
    koken_post(to, h);
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    route(risk, o);          /* BAD */
    koken_mut(o)->price = 1; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
