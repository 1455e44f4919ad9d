/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is offered to one venue after the other, also after one has taken it */
/* CLASS: double-send */
#include "market.h"

static int route(order_iso o, const koken_ref *venues, size_t count)
{
    koken_owned(o);
    int taken = 0;

    for (size_t i = 0; i < count; i++) {
        if (koken_give(venues[i], o) == 0) { /* BAD: no break */
            taken++;
        }
    }
    if (taken == 0) {
        koken_drop(o);
    }
    return taken;
}

int main(void)
{
    const koken_ref venues[] = {market_sink(), market_sink()};
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 1;
    }
    market_use(route(koken_move(o), venues, 2));
    return market_run();
}
