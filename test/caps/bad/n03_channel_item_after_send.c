/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an item of a channel read by its sender after the send */
/* CLASS: use-after-send */
#include "market.h"
#include <koken/channel.h>

static void trade(struct koken_channel *jobs)
{
    koken_slot(order, item);
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->id = 4;
    const struct order *shown = koken_get(o);
    koken_put(item, o);
    if (koken_channel_give_letter(jobs, KOKEN_S(1), order_iso, item) != 0) {
        koken_iso(order, back) = koken_take(item);
        koken_drop(back);
        return;
    }
    market_use(shown->id); /* BAD: whoever receives it may write it now */
}

int main(void)
{
    struct koken_channel *jobs;
    if (koken_channel_new((struct koken *)NULL, &jobs, order_iso, 4) < 0) {
        return 1;
    }
    trade(jobs);
    koken_channel_unref(jobs);
    return market_run();
}
