/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a letter that is refused is opened again, and what was in it sent by itself */
#include "market.h"

KOKEN_LETTER(fill, (iso, order, of), (val, text, note), (plain, long, price));

static void trade(koken_ref desk, koken_ref sink)
{
    struct fill fill = {.price = 7};
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->id = 9;
    koken_put(fill.of, o);
    if (koken_give_letter(desk, fill, fill) == 0) {
        return;
    }
    koken_iso(order, back) = koken_take(fill.of);
    market_use(koken_get(back)->id);
    koken_post(sink, back);
}

int main(void)
{
    koken_ref sink = market_sink();
    for (int i = 0; i < 4; i++) {
        trade(i % 2 ? sink : KOKEN_NOBODY, sink);
    }
    return market_run();
}
