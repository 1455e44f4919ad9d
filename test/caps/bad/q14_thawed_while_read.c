/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a val is thawed by one name and read by another */
/* CLASS: use-after-freeze */
#include "market.h"

static void trade(koken_ref risk)
{
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_val(quote, v) = koken_freeze(q);
    const long *bid = &koken_get(v)->bid;
    koken_iso(quote, w) = koken_thaw(v);
    if (koken_none(w)) {
        return;
    }
    koken_mut(w)->bid = 12;
    market_use(*bid); /* BAD: nobody promised that it does not change */
    koken_post(risk, w);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
