/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the handler keeps a pointer to the order in its message */
/* CLASS: borrow-escape */
#include "market.h"

struct watcher {
    const long *price;
};

static int on_order(koken_ctx *ctx, struct watcher *self, struct order_iso *msg)
{
    (void)ctx;
    if (self->price != NULL) {
        market_use(*self->price); /* BAD: of an order that was given back */
    }
    self->price = &koken_peek(*msg)->price;
    return 0;
}

int main(void)
{
    market_feed(market_spawn(watcher, order_iso, on_order), 2);
    return market_run();
}
