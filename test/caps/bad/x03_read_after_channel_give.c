/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: what a channel has accepted is read again for the report */
/* CLASS: use-after-send */
#include "market.h"
#include <koken/channel.h>

struct producer {
    struct koken_channel *jobs;
    long sent;
    long bytes;
    long refused;
};

static int produce(struct producer *self, long id)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return -ENOMEM;
    }
    KOKEN_WITH(p, o)
    {
        p->id = id;
        p->quantity = 100 + id;
    }
    int rc = koken_channel_give(self->jobs, KOKEN_S(1), o);
    if (rc != 0) {
        self->refused++;
        koken_drop(o);
        return rc;
    }
    self->sent++;
    self->bytes += koken_get(o)->quantity; /* BAD */
    return 0;
}

static long consume(struct koken_channel *jobs)
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

int main(void)
{
    struct producer producer = {0};
    if (koken_channel_new((struct koken *)NULL, &producer.jobs, order_iso, 8) < 0) {
        return 1;
    }
    for (long i = 0; i < 4; i++) {
        if (produce(&producer, i) < 0) {
            break;
        }
    }
    market_use(consume(producer.jobs));
    koken_channel_unref(producer.jobs);
    return market_run();
}
