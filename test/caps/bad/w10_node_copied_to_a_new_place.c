/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the nodes of a table are copied to a larger one, and the old ones emptied by it */
/* CLASS: alias-iso */
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
        larger[i] = arena->node[i]; /* BAD */
        if (koken_has(arena->node[i].order)) {
            koken_iso(order, old) = koken_take(arena->node[i].order);
            koken_drop(old); /* BAD: it is in the larger one */
        }
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
    if (self->used > 0) {
        market_use(koken_peek(self->node[0].order)->id); /* BAD */
    }
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->node[self->used].order, o);
    self->used++;
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(arena, order_iso, on_order), 3);
    return market_run();
}
