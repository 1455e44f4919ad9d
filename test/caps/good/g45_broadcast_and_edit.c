/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: what many read is edited as a copy of its own, and sent to them again */
#include "market.h"
#include <koken/broadcast.h>

static void trade(const koken_ref *readers)
{
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    koken_mut(q)->bid = 3;
    koken_val(quote, v) = koken_freeze(q);
    for (int i = 0; i < 3; i++) {
        if (koken_broadcast_val(readers, 2, NULL, v) != 0) {
            break;
        }
        koken_iso(quote, next) = koken_thaw(v); /* a copy, while the readers have theirs */
        if (koken_none(next)) {
            return;
        }
        koken_mut(next)->bid++;
        koken_set(v, koken_freeze(next));
    }
    koken_drop(v);
}

int main(void)
{
    const koken_ref readers[2] = {market_sink(), market_sink()};
    trade(readers);
    return market_run();
}
