/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is kept for a second try, and sent by the name that kept it */
/* CLASS: double-send */
#include "market.h"

struct link {
    order_iso unacknowledged;
    long sequence;
};

static int transmit(struct link *link, koken_ref peer, order_iso o)
{
    koken_owned(o);
    koken_mut(o)->id = link->sequence++;
    if (!koken_has(link->unacknowledged)) {
        koken_put(link->unacknowledged, o);
    }
    return koken_give(peer, o) == 0 ? 0 : -EAGAIN; /* BAD: the link has it */
}

static int on_order(koken_ctx *ctx, struct link *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    return transmit(self, market_first(), koken_move(o));
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(link, order_iso, on_order), 1);
    return market_run();
}
