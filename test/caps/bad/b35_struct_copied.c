/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: copying the struct around it duplicates the iso inside */
/* CLASS: alias-iso */
#include "market.h"

struct wrap {
    order_iso o;
    int tries;
};

static void trade(koken_ref risk, koken_ref exch)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    struct wrap w = {0};
    koken_put(w.o, o);
    struct wrap w2 = w; /* BAD */
    koken_iso(order, a) = koken_take(w.o);
    koken_post(risk, a);
    koken_iso(order, b) = koken_take(w2.o);
    koken_post(exch, b); /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
