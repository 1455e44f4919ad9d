/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: two stages with channels between them; what a full channel refuses is dropped by its owner */
#include "market.h"
#include <koken/channel.h>

static long fill(struct koken_channel *raw)
{
    long refused = 0;
    for (int i = 0; i < 6; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            break;
        }
        koken_mut(o)->quantity = i;
        if (koken_channel_give(raw, KOKEN_S(1), o) != 0) {
            koken_drop(o);
            refused++;
        }
    }
    return refused;
}

static void square(struct koken_channel *raw, struct koken_channel *done)
{
    koken_slot(order, got);
    while (koken_channel_recv_iso(raw, 0, order, got) == 0) {
        koken_iso(order, o) = koken_take(got);
        KOKEN_WITH(p, o)
        {
            p->quantity *= p->quantity;
        }
        koken_val(order, v) = koken_freeze(o);
        if (koken_channel_give(done, KOKEN_S(1), v) != 0) {
            koken_drop(v);
        }
    }
}

static void use(struct koken_channel *done)
{
    koken_slot_val(order, got);
    while (koken_channel_recv_val(done, 0, order, got) == 0) {
        koken_val(order, v) = koken_take(got);
        market_use(koken_get(v)->quantity);
        koken_drop(v);
    }
}

int main(void)
{
    struct koken_channel *raw, *done;
    if (koken_channel_new((struct koken *)NULL, &raw, order_iso, 4) < 0 ||
        koken_channel_new((struct koken *)NULL, &done, order_val, 4) < 0) {
        return 1;
    }
    long refused = fill(raw);
    square(raw, done);
    use(done);
    koken_channel_unref(raw);
    koken_channel_unref(done);
    return refused == 2 ? market_run() : 1;
}
