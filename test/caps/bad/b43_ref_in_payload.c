/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a ref inside a payload */
/* CLASS: nonsendable-field */
#include "market.h"

KOKEN_PAYLOAD(bad, (plain, long, id), (ref, book, of)); /* BAD */

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(bad, o) = koken_new(bad);
    if (koken_none(o)) {
        return;
    }
    koken_drop(o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
