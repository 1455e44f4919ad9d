/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a val is dropped once for every reader, who got none */
/* CLASS: double-drop */
#include "market.h"

static void trade(koken_ref risk)
{
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_val(quote, v) = koken_freeze(q);
    int readers = 0;
    for (int i = 0; i < 2; i++) {
        readers += koken_share(risk, v) == 0;
    }
    while (readers-- > 0) {
        koken_drop(v); /* BAD: theirs are theirs */
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
