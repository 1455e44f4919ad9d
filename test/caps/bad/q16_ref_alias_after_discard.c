/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an alias of a ref is written after the ref was given back */
/* CLASS: use-after-drop */
#include "market.h"

static void trade(koken_ref risk)
{
    (void)risk;
    koken_local(book, a) = koken_new_local(book);
    if (!koken_has(a)) {
        return;
    }
    book_ref b = a;
    koken_mut(a)->best = 1;
    koken_discard(a);
    koken_mut(b)->count = 2; /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
