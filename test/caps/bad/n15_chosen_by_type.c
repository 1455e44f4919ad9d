/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order read through _Generic after it was sent */
/* CLASS: use-after-send */
#include "market.h"

#define price_of(h)                                                                                \
    _Generic((h), order_iso : koken_get(h)->price, leg_iso : koken_get(h)->price, default : 0)

static void trade(koken_ref risk)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 7;
    koken_post(risk, o);
    market_use(price_of(o)); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
