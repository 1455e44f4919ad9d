/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order where a quote is expected */
/* CLASS: type-mismatch */
#include "market.h"

static void use_quote(quote_iso h)
{
    koken_owned(h);
    koken_drop(h);
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)risk;
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    use_quote(o); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
