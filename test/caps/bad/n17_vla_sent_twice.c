/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the orders of a variable array are sent one too often */
/* CLASS: double-send */
#include "market.h"

static void trade(koken_ref risk, int count)
{
    order_iso batch[count];
    memset(batch, 0, sizeof batch);
    for (int i = 0; i < count; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return;
        }
        koken_put(batch[i], o);
    }
    for (int i = 0; i < count; i++) {
        koken_iso(order, o) = koken_take(batch[i]);
        koken_post(risk, o);
    }
    for (int i = 0; i < count; i++) {
        market_use(koken_peek(batch[i])->id); /* BAD: they have gone */
    }
}

int main(void)
{
    trade(market_sink(), 3);
    return market_run();
}
