/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a quote that many read is stamped once more */
/* CLASS: write-val */
#include "market.h"
#include <koken/broadcast.h>

static void stamp(long *fields, int count)
{
    for (int i = 0; i < count; i++) {
        fields[i]++;
    }
}

static void trade(const koken_ref *readers)
{
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    long *bid = &koken_mut(q)->bid;
    stamp(bid, 2);
    koken_val(quote, v) = koken_freeze(q);
    if (koken_broadcast_val(readers, 2, NULL, v) == 0) {
        stamp(bid, 2); /* BAD: others read it */
    }
    koken_drop(v);
}

int main(void)
{
    koken_ref readers[2] = {market_sink(), market_sink()};
    trade(readers);
    return market_run();
}
