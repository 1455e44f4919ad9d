/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: one iso sent to each member of an array of agents */
/* CLASS: double-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    const koken_ref to[3] = {risk, exch, risk};
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    for (unsigned i = 0; i < sizeof to / sizeof to[0]; i++) {
        koken_post(to[i], o); /* BAD */
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
