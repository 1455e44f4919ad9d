/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: items received one over the other */
/* CLASS: leak */
#include "market.h"
#include <koken/channel.h>

static void trade(struct koken_channel *jobs)
{
    long count = 0;
    for (int i = 0; i < 3; i++) {
        koken_slot(order, item);
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return;
        }
        koken_put(item, o);
        if (koken_channel_give_letter(jobs, 0, order_iso, item) != 0) {
            koken_iso(order, back) = koken_take(item);
            koken_drop(back);
        }
    }
    koken_slot(order, got);
    while (koken_channel_try_recv(jobs, order_iso, &got) == 0) { /* BAD: nobody takes it out */
        count++;
    }
    koken_iso(order, last) = koken_take(got);
    if (!koken_none(last)) {
        koken_drop(last);
    }
    market_use(count);
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
