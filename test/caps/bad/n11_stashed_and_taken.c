/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order taken out of a message that was put aside */
/* CLASS: use-after-move */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    koken_iso(order, o) = koken_take(*msg);
    if (self->count++ == 0 && koken_stash(ctx) == 0) {
        koken_unstash(ctx);
        koken_put(self->pending, o);
        return 0;
    }
    market_use(koken_get(o)->id); /* BAD: the second time the message is empty */
    koken_drop(o);
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, order_iso, on_order);
    market_feed(desk, 1);
    int rc = market_run();
    koken_release(desk, (struct desk *)market_state(desk));
    return rc;
}
