/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a function gets an order, and never says that it owns it */
/* CLASS: leak */
#include "market.h"

static void ignore(order_iso o, koken_ref venue)
{
    (void)venue;
    (void)o; /* BAD: it is left there */
}

static void trade(koken_ref venue)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    ignore(koken_move(o), venue);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
