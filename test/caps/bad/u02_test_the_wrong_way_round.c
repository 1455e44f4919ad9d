/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: 0 means that the channel took it, and this takes it for a refusal */
/* CLASS: use-after-send */
#include "market.h"
#include <koken/channel.h>

static long produce(struct koken_channel *out, long count)
{
    long dropped = 0;

    for (long i = 0; i < count; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            break;
        }
        koken_mut(o)->id = i;
        if (!koken_channel_give(out, 0, o)) {
            koken_drop(o); /* BAD: it is in the channel */
            dropped++;
        }
    }
    return dropped;
}

int main(void)
{
    struct koken_channel *out;
    if (koken_channel_new((struct koken *)NULL, &out, order_iso, 4) < 0) {
        return 1;
    }
    market_use(produce(out, 2));
    koken_channel_unref(out);
    return market_run();
}
