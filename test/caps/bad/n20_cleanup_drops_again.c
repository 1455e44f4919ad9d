/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a cleanup attribute drops what was sent */
/* CLASS: double-drop */
#include "market.h"

static void order_end(order_iso *h)
{
    koken_drop(*h); /* BAD: on the path where it was sent, too */
}

static void trade(koken_ref risk)
{
    __attribute__((cleanup(order_end))) koken_slot(order, o);
    koken_iso(order, fresh) = koken_new(order);
    if (koken_none(fresh)) {
        return;
    }
    koken_put(o, fresh);
    koken_mut(o)->price = 8;
    koken_iso(order, sent) = koken_take(o);
    koken_post(risk, sent);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
