/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an error label drops what the normal way has dropped already */
/* CLASS: double-drop */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    if (koken_get(o)->price < 0) {
        goto err;
    }
    koken_drop(o);
    if (market_limit() > 0) {
        goto err;
    }
    return;
err:
    koken_drop(o); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
