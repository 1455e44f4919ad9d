/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a copy whose sending is refused is counted, but not given back */
/* CLASS: leak */
#include "market.h"

struct auditor {
    koken_ref exchange;
    koken_ref archive;
    long archived;
    long missed;
};

/* The archive gets a copy; that it is busy is no reason to hold the order up. */
static int archive(struct auditor *self, const struct order *o, order_iso copy)
{
    koken_owned(copy);
    koken_mut(copy)->price = o->price * 100;
    if (koken_give(self->archive, copy) != 0) {
        self->missed++;
        return -EAGAIN; /* BAD */
    }
    self->archived++;
    return 0;
}

static int on_order(koken_ctx *ctx, struct auditor *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    koken_iso(order, copy) = koken_clone(o);
    if (koken_none(copy)) {
        koken_drop(o);
        return -ENOMEM;
    }
    int rc = archive(self, koken_get(o), koken_move(copy));
    market_use(rc);
    koken_post(self->exchange, o);
    return 0;
}

int main(void)
{
    koken_ref ref = market_spawn(auditor, order_iso, on_order);
    struct auditor *auditor = market_state(ref);
    auditor->exchange = market_sink();
    auditor->archive = market_sink();
    market_feed(ref, 6);
    return market_run();
}
