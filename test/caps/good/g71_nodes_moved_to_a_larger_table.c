/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: nodes are moved to a larger table one by one */
#include "market.h"

struct node {
    order_iso order;
    int next;
};

struct arena {
    struct node *node;
    size_t used, room;
};

static int grow(struct arena *arena)
{
    struct node *larger = calloc(arena->room + 2, sizeof *larger);

    if (larger == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < arena->used; i++) {
        koken_iso(order, o) = koken_take(arena->node[i].order);
        koken_put(larger[i].order, o);
        larger[i].next = arena->node[i].next;
    }
    free(arena->node);
    arena->node = larger;
    arena->room += 2;
    return 0;
}

static int on_order(koken_ctx *ctx, struct arena *self, struct order_iso *msg)
{
    (void)ctx;
    if (self->used == self->room && grow(self) < 0) {
        return -ENOMEM;
    }
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->node[self->used].order, o);
    self->node[self->used].next = (int)self->used - 1;
    self->used++;
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(arena, order_iso, on_order), 7);
    return market_run();
}
