/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the rows of a table are filled in after they were frozen */
/* CLASS: use-after-freeze */
#include "market.h"

static void fill(struct quote **rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rows[i]->ask = rows[i]->bid + 2;
    }
}

static void publish(koken_ref tape)
{
    koken_iso(quote, a) = koken_new(quote);
    if (koken_none(a)) {
        return;
    }
    koken_iso(quote, b) = koken_new(quote);
    if (koken_none(b)) {
        koken_drop(a);
        return;
    }
    koken_mut(a)->bid = 10;
    koken_mut(b)->bid = 20;
    struct quote *rows[] = {koken_mut(a), koken_mut(b)};
    koken_val(quote, first) = koken_freeze(a);
    koken_val(quote, second) = koken_freeze(b);
    fill(rows, 2); /* BAD */
    koken_post(tape, first);
    koken_post(tape, second);
}

int main(void)
{
    publish(market_sink());
    return market_run();
}
