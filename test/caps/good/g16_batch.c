/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: an array of isos filled and drained */
#include "market.h"

struct batch {
    order_iso at[4];
    int count;
};

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    struct batch b = {0};
    for (b.count = 0; b.count < 4; b.count++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            break;
        }
        koken_put(b.at[b.count], o);
    }
    while (b.count > 0) {
        koken_iso(order, o) = koken_take(b.at[--b.count]);
        koken_post(risk, o);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
