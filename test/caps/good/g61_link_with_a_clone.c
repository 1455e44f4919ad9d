/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a link sends a clone, and keeps the original until it is acknowledged */
#include "market.h"

KOKEN_MESSAGE(acknowledged, { long sequence; });

struct link {
    order_iso waiting[4];
    long first, next;
};

static int transmit(struct link *link, koken_ref peer, order_iso o)
{
    koken_owned(o);
    if (link->next - link->first == 4) {
        koken_drop(o);
        return -EAGAIN;
    }
    koken_mut(o)->id = link->next;
    koken_iso(order, copy) = koken_clone(o);
    if (koken_none(copy)) {
        koken_drop(o);
        return -ENOMEM;
    }
    koken_put(link->waiting[link->next % 4], o);
    link->next++;
    koken_post(peer, copy);
    return 0;
}

static void acknowledge(struct link *link, long sequence)
{
    for (; link->first <= sequence && link->first < link->next; link->first++) {
        koken_iso(order, done) = koken_take(link->waiting[link->first % 4]);
        koken_drop(done);
    }
}

static int on_order(koken_ctx *ctx, struct link *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    int rc = transmit(self, market_first(), koken_move(o));
    if (rc == -EAGAIN) {
        acknowledge(self, self->next - 2);
    }
    return rc;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(link, order_iso, on_order), 12);
    return market_run();
}
