/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a ref that was recovered is written through its alias */
/* CLASS: recover-capture */
#include "market.h"

static void trade(koken_ref risk)
{
    book_ref kept = {0};
    koken_iso(book, b) = koken_recover(book, r, kept = r; koken_mut(r)->best = 2;); /* BAD */
    if (koken_none(b)) {
        return;
    }
    koken_post(risk, b);
    koken_mut(kept)->best = 3; /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
