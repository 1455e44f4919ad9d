/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: what a function answers is read from the order after it was sent */
/* CLASS: use-after-send */
#include "market.h"

static long send_and_price(koken_ref risk)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 0;
    }
    koken_mut(o)->price = 7;
    koken_post(risk, o);
    return koken_get(o)->price; /* BAD */
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    market_use(send_and_price(risk));
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
