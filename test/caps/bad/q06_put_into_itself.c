/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order becomes a part of itself */
/* CLASS: alias-iso */
#include "market.h"

static void trade(koken_ref risk)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_put(koken_mut(o)->next, o); /* BAD: nobody owns it any more */
    koken_post(risk, o);              /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
