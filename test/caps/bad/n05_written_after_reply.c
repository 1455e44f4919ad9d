/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the answer to a question is written after it was given */
/* CLASS: borrow-escape */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    struct order *answer = koken_mut(o);
    int rc = koken_post_reply(ctx, o);
    answer->quantity = ++self->count; /* BAD */
    return rc;
}

int main(void)
{
    market_feed(market_spawn(desk, order_iso, on_order), 2);
    return market_run();
}
