/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pair is handed to a function as a snapshot, which gives its orders away */
/* CLASS: alias-iso */
#include "market.h"

struct spread {
    long width;
    struct {
        order_iso bid;
        order_iso ask;
    } sides;
};

static void quote(struct spread now, koken_ref to)
{
    if (now.width > 0 && koken_has(now.sides.bid)) {
        koken_iso(order, bid) = koken_take(now.sides.bid);
        koken_post(to, bid);
    }
}

int main(void)
{
    koken_ref venue = market_sink();
    struct spread spread = {.width = 3};
    koken_iso(order, bid) = koken_new(order);
    if (koken_none(bid)) {
        return 1;
    }
    koken_put(spread.sides.bid, bid);
    quote(spread, venue); /* BAD: a copy of the handles */
    koken_iso(order, mine) = koken_take(spread.sides.bid);
    koken_mut(mine)->price = 1; /* BAD */
    koken_drop(mine);
    return market_run();
}
