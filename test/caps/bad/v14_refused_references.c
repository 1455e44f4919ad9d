/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: references for readers, and those that are refused are forgotten */
/* CLASS: leak */
#include "market.h"

static int publish(const koken_ref *readers, int count, quote_val v)
{
    koken_owned(v);
    int refused = 0;

    for (int i = 0; i < count; i++) {
        koken_val(quote, mine) = koken_dup(v);
        refused += koken_give(readers[i], mine) != 0; /* BAD: who gives back what was refused? */
    }
    koken_drop(v);
    return refused;
}

int main(void)
{
    const koken_ref readers[] = {market_sink(), KOKEN_NOBODY};
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return 1;
    }
    koken_val(quote, v) = koken_freeze(q);
    market_use(publish(readers, 2, koken_move(v)));
    return market_run();
}
