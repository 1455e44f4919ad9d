/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order given to a consumer through a function pointer, and used */
/* CLASS: use-after-move */
#include "market.h"

typedef void (*consumer)(koken_ref to, order_iso h);

static void trade(koken_ref risk)
{
    static const consumer consumers[] = {market_route};
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    consumers[0](risk, o);   /* BAD: copied */
    koken_mut(o)->price = 2; /* BAD */
    koken_drop(o);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
