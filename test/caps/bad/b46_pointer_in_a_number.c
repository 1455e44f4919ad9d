/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a pointer stored in a number of a payload */
/* CLASS: smuggle */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    long *theirs = (long *)koken_get(o)->id; /* BAD */
    self->count = ++*theirs;                 /* BAD */
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    long mine = 1;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 1;
    }
    koken_mut(o)->id = (long)&mine; /* BAD */
    koken_post(desk, o);
    return market_run();
}
