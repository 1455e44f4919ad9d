/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a vector that copies what it is given, also a handle */
/* CLASS: alias-iso */
#include "market.h"

struct vector {
    unsigned char bytes[64];
    size_t item, used;
};

static void vector_push(struct vector *vector, const void *item)
{
    memcpy(vector->bytes + vector->used * vector->item, item, vector->item);
    vector->used++;
}

static void *vector_at(struct vector *vector, size_t at)
{
    return vector->bytes + at * vector->item;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    (void)ctx;
    struct vector all = {.item = sizeof *msg};

    vector_push(&all, msg); /* BAD: a copy of what is in the message */
    order_iso *mine = vector_at(&all, 0);
    koken_iso(order, o) = koken_take(*mine);
    self->count += koken_get(o)->id;
    koken_drop(o); /* BAD: the message has it, too */
    return 0;
}

int main(void)
{
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
