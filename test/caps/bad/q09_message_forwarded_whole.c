/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a message is sent on as it came, with the order in it */
/* CLASS: double-send */
#include "market.h"

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    self->count++;
    return koken_signal_(market_first(), &koken_type_order_iso,
                         msg); /* BAD: it is given back here, too */
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
