/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: patches of a quote are collected, and applied when it is a val */
/* CLASS: use-after-freeze */
#include "market.h"

struct patch {
    long *where;
    long what;
};

struct patches {
    struct patch patch[4];
    int count;
};

static void patch(struct patches *all, long *where, long what)
{
    struct patch *next = &all->patch[all->count++];

    next->where = where;
    next->what = what;
}

static void apply(struct patches *all)
{
    for (int i = 0; i < all->count; i++) {
        *all->patch[i].where = all->patch[i].what;
    }
}

static void trade(koken_ref tape)
{
    struct patches all = {.count = 0};
    koken_iso(quote, q) = koken_new(quote);
    if (koken_none(q)) {
        return;
    }
    patch(&all, &koken_mut(q)->bid, 99);
    patch(&all, &koken_mut(q)->ask, 101);
    koken_val(quote, v) = koken_freeze(q);
    apply(&all); /* BAD */
    koken_post(tape, v);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
