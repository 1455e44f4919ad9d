/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a table by hash: the order that had the bucket is forgotten */
/* CLASS: leak */
#include "market.h"

enum { BUCKETS = 4 };

struct index {
    order_iso bucket[BUCKETS];
    long stored;
};

static void store(struct index *index, order_iso o)
{
    koken_owned(o);
    size_t at = (size_t)koken_get(o)->id * 4 % BUCKETS;

    memset(index->bucket + at, 0, sizeof(order_iso)); /* BAD: something may be in it */
    koken_put(index->bucket[at], o);
    index->stored++;
}

static int on_order(koken_ctx *ctx, struct index *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    store(self, koken_move(o));
    return 0;
}

int main(void)
{
    koken_ref index = market_spawn(index, order_iso, on_order);
    market_feed(index, 3);
    int rc = market_run();
    struct index *state = market_state(index);
    for (int i = 0; i < BUCKETS; i++) {
        if (koken_has(state->bucket[i])) {
            koken_iso(order, o) = koken_take(state->bucket[i]);
            koken_drop(o);
        }
    }
    return rc;
}
