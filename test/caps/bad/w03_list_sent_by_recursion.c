/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a list is sent by recursion, each before the rest is taken out of it */
/* CLASS: use-after-send */
#include "market.h"

static void send_all(koken_ref to, order_iso list)
{
    koken_owned(list);
    const int more = koken_has(koken_get(list)->next);

    koken_post(to, list);
    if (more) {
        koken_iso(order, rest) = koken_take(koken_mut(list)->next); /* BAD */
        send_all(to, koken_move(rest));
    }
}

static void trade(koken_ref to)
{
    koken_iso(order, a) = koken_new(order);
    if (koken_none(a)) {
        return;
    }
    koken_iso(order, b) = koken_new(order);
    if (koken_none(b)) {
        koken_drop(a);
        return;
    }
    koken_put(koken_mut(a)->next, b);
    send_all(to, koken_move(a));
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
