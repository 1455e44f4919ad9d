/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: one val, three readers */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_mut(q)->bid = 99;
    koken_val(quote, v) = koken_freeze(q);
    if (koken_share(risk, v) != 0 || koken_share(exch, v) != 0) {
        market_use(1);
    }
    koken_post(risk, v);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
