/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: tags compared, an address to answer to carried */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    order_tag t = koken_tag(o);
    koken_mut(o)->reply_to = exch;
    market_use(koken_same(t, o));
    koken_post(risk, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
