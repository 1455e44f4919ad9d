/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a helper in a header keeps the order that it looked at */
/* CLASS: borrow-escape */
#include "market.h"
#include "n18_watch.h"

static void trade(koken_ref risk)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    watch(koken_get(o));
    koken_post(risk, o);
    market_use(watched()); /* BAD: the helper still looks at it */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
