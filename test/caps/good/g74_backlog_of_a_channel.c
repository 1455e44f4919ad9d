/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: what a full channel refuses waits in a slot until the consumer has made room */
#include "market.h"
#include <koken/channel.h>

enum { JOBS = 7, ROOM = 2 };

static long drain(struct koken_channel *jobs)
{
    long sum = 0;
    koken_slot(order, got);
    while (koken_channel_recv_iso(jobs, 0, order, got) == 0) {
        koken_iso(order, o) = koken_take(got);
        sum += koken_get(o)->quantity;
        koken_drop(o);
    }
    return sum;
}

static int produce(struct koken_channel *jobs, long *ret_sum)
{
    koken_slot(order, backlog);
    for (long i = 0; i < JOBS; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return -ENOMEM;
        }
        koken_mut(o)->quantity = i;
        if (koken_channel_give(jobs, 0, o) != 0) {
            koken_put(backlog, o);
        }
        if (koken_has(backlog)) {
            *ret_sum += drain(jobs);
            koken_iso(order, again) = koken_take(backlog);
            if (koken_channel_give(jobs, 0, again) != 0) {
                koken_drop(again);
            }
        }
    }
    return 0;
}

int main(void)
{
    struct koken_channel *jobs;
    long sum = 0;
    if (koken_channel_new((struct koken *)NULL, &jobs, order_iso, ROOM) < 0) {
        return 1;
    }
    int rc = produce(jobs, &sum);
    sum += drain(jobs);
    koken_channel_unref(jobs);
    market_use(sum);
    return rc < 0 ? 1 : market_run();
}
