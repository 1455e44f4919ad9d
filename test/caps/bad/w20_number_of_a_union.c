/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the address of an order travels as a number, by a union */
/* CLASS: smuggle */
#include "market.h"

KOKEN_MESSAGE(hint, { uint64_t where; });

union word {
    uint64_t number;
    void *pointer;
};

static int on_hint(koken_ctx *ctx, struct desk *self, struct hint *msg)
{
    (void)ctx;
    union word word = {.number = msg->where};
    self->count += ((const struct order *)word.pointer)->id; /* BAD */
    return 0;
}

static void trade(koken_ref desk, koken_ref venue)
{
    union word word;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    word.pointer = koken_mut(o); /* BAD */
    (void)koken_signal(desk, hint, .where = word.number);
    koken_post(venue, o);
}

int main(void)
{
    koken_ref desk = market_spawn(desk, hint, on_hint);
    trade(desk, market_sink());
    return market_run();
}
