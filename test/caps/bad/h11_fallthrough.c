/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a case that sends falls into one that sends */
/* CLASS: double-send */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    switch (koken_get(o)->id) {
    case 0:
        koken_post(risk, o);
        /* fall through */
    default: koken_post(exch, o); /* BAD */
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
