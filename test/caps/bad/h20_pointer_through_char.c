/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the payload pointer kept as char * */
/* CLASS: borrow-escape */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    char *bytes = koken_mut(o)->symbol;
    koken_post(risk, o);
    bytes[0] = 0; /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
