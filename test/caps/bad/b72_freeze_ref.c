/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a ref may have writable aliases: it cannot be frozen */
/* CLASS: send-nonsendable */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_local(book, b) = koken_new_local(book);
    koken_mut(b)->best = 1;
    koken_val(book, v) = koken_freeze(b); /* BAD */
    koken_post(risk, v);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
