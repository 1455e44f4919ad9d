/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a state is kept where others find it */
/* CLASS: foreign-state */
#include "market.h"

struct hall {
    struct desk *first;
};

KOKEN_STATE(guide, (own, struct hall *, hall), (plain, long, count));

static int on_order(koken_ctx *ctx, struct guide *self, struct order_iso *msg)
{
    long **counts = (long **)(void *)self->hall;
    (void)ctx;
    (void)msg;
    *counts = &self->count; /* BAD */
    return 0;
}

int main(void)
{
    struct hall hall = {NULL};
    koken_ref guide = market_spawn(guide, order_iso, on_order);
    ((struct guide *)market_state(guide))->hall = &hall;
    market_feed(guide, 1);
    return market_run();
}
