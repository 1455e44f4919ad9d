/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a table of handles that grows, is emptied, and then freed */
#include "market.h"

struct pile {
    order_iso *at;
    size_t used, room;
};

static int grow(struct pile *pile)
{
    size_t room = pile->room == 0 ? 2 : 2 * pile->room;
    order_iso *at = realloc(pile->at, room * sizeof *at);

    if (at == NULL) {
        return -ENOMEM;
    }
    memset(at + pile->room, 0, (room - pile->room) * sizeof *at);
    pile->at = at;
    pile->room = room;
    return 0;
}

static void pile_end(struct pile *pile, koken_ref to)
{
    while (pile->used > 0) {
        pile->used--;
        koken_iso(order, o) = koken_take(pile->at[pile->used]);
        koken_post(to, o);
    }
    free(pile->at);
    memset(pile, 0, sizeof *pile);
}

static int on_order(koken_ctx *ctx, struct pile *self, struct order_iso *msg)
{
    (void)ctx;
    if (self->used == self->room && grow(self) < 0) {
        return -ENOMEM;
    }
    koken_iso(order, o) = koken_take(*msg);
    koken_put(self->at[self->used], o);
    self->used++;
    if (self->used == 9) {
        pile_end(self, market_first());
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(pile, order_iso, on_order), 9);
    return market_run();
}
