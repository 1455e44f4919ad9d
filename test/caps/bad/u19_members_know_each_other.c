/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the members of a room know the states of each other */
/* CLASS: foreign-state */
#include "market.h"

struct member {
    struct member *friend;
    long greeted, greetings;
};

static int on_order(koken_ctx *ctx, struct member *self, struct order_iso *msg)
{
    (void)ctx;
    self->greeted += koken_peek(*msg)->quantity;
    if (self->friend != NULL) {
        self->friend->greetings++; /* BAD: it is another agent's */
    }
    return 0;
}

static void befriend(koken_ref one, koken_ref other)
{
    struct member *left = market_state(one);

    left->friend = market_state(other); /* BAD */
}

int main(void)
{
    koken_ref one = market_spawn(member, order_iso, on_order);
    koken_ref two = market_spawn(member, order_iso, on_order);
    befriend(one, two);
    befriend(two, one);
    market_feed(one, 1);
    market_feed(two, 1);
    return market_run();
}
