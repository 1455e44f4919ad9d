/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the clean-up at the end drops what was sent already */
/* CLASS: double-drop */
#include "market.h"

static int trade_two(koken_ref risk)
{
    int rc = 0;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return -ENOMEM;
    }
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        rc = -ENOMEM;
        goto drop_order;
    }
    koken_post(risk, o);
    rc = koken_get(l)->price > 0 ? 0 : -ERANGE;
    koken_drop(l);
    if (rc == 0) {
        return 0;
    }
drop_order:
    koken_drop(o); /* BAD: sent, if it came from -ERANGE */
    return rc;
}

static void trade(koken_ref risk)
{
    market_use(trade_two(risk));
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
