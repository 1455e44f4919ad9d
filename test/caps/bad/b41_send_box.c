/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a box may be an alias of a ref */
/* CLASS: send-nonsendable */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_local(book, b) = koken_new_local(book);
    koken_mut(b)->best = 1;
    book_box x = koken_box(b);
    koken_post(risk, x); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
