/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the note of an order is a val, and is written */
/* CLASS: write-val-type */
#include "market.h"

static void annotate(struct order *order, const char *words)
{
    if (koken_has(order->note)) {
        struct text *note = koken_poke(order->note); /* BAD */
        strncpy(note->letters, words, sizeof note->letters - 1);
    }
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 1;
    }
    annotate(koken_mut(o), "urgent");
    koken_post(sink, o);
    return market_run();
}
