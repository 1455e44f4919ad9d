/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a fresh iso per turn of a loop */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    for (int i = 0; i < 3; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return;
        }
        koken_mut(o)->id = i;
        koken_post(i % 2 == 0 ? exch : risk, o);
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
