/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a view of a ref is sent to the agent that asked for it */
/* CLASS: send-nonsendable */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (koken_has(self->book)) {
        book_box view = koken_box(self->book);
        koken_post(koken_get(o)->reply_to, view); /* BAD */
    }
    koken_drop(o);
    return 0;
}

int main(void)
{
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
