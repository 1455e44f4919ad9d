/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso returned to the caller after it was sent */
/* CLASS: use-after-send */
#include "market.h"

static order_iso make(koken_ref risk)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return koken_empty(order);
    }
    koken_post(risk, o);
    return koken_move(o); /* BAD */
}

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = make(risk);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 1;
    koken_post(exch, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
