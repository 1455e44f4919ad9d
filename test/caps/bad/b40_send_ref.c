/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a ref is local to its agent */
/* CLASS: send-nonsendable */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_local(book, b) = koken_new_local(book);
    koken_mut(b)->best = 1;
    koken_post(risk, b); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
