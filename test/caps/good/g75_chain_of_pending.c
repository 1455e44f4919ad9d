/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: orders wait in a chain, newest first, and go on four at a time */
#include "market.h"

enum { BATCH = 4 };

KOKEN_STATE(batcher, (iso, order, first), (plain, long, count), (plain, long, sum), (tag, to));

static void push(struct batcher *self, order_iso o)
{
    koken_owned(o);
    if (koken_has(self->first)) {
        koken_iso(order, rest) = koken_take(self->first);
        koken_put(koken_mut(o)->next, rest);
    }
    koken_put(self->first, o);
    self->count++;
}

static void flush(struct batcher *self)
{
    while (koken_has(self->first)) {
        koken_iso(order, o) = koken_take(self->first);
        if (koken_has(koken_get(o)->next)) {
            koken_iso(order, rest) = koken_take(koken_mut(o)->next);
            koken_put(self->first, rest);
        }
        self->sum += koken_get(o)->id;
        koken_post(self->to, o);
    }
    self->count = 0;
}

static int on_order(koken_ctx *ctx, struct batcher *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    if (koken_get(o)->id < 0 || koken_has(koken_get(o)->next)) {
        koken_drop(o);
        return -EINVAL;
    }
    push(self, koken_move(o));
    if (self->count == BATCH) {
        flush(self);
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref ref = market_spawn(batcher, order_iso, on_order);
    struct batcher *batcher = market_state(ref);
    batcher->to = sink;
    market_feed(ref, 3 * BATCH);
    return market_run();
}
