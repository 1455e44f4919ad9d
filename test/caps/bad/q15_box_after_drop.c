/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a box of a val is read after the val was given back */
/* CLASS: use-after-drop */
#include "market.h"

static void trade(koken_ref risk)
{
    (void)risk;
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_mut(q)->bid = 2;
    koken_val(quote, v) = koken_freeze(q);
    quote_box view = koken_box(v);
    koken_drop(v);
    market_use(koken_get(view)->bid); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
