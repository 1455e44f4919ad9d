/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a val duplicated into the field of a payload */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return;
    }
    strncpy(koken_mut(t)->letters, "AAPL", 23);
    koken_val(text, note) = koken_freeze(t);
    for (int i = 0; i < 2; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            break;
        }
        koken_val(text, copy) = koken_dup(note);
        koken_put(koken_mut(o)->note, copy);
        koken_post(risk, o);
    }
    koken_drop(note);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
