/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the memory of a table is freed, with the orders still in it */
/* CLASS: leak */
#include "market.h"

struct pile {
    order_iso *at;
    size_t used, room;
};

static int push(struct pile *pile, order_iso o)
{
    koken_owned(o);
    if (pile->used == pile->room) {
        koken_drop(o);
        return -ENOSPC;
    }
    koken_put(pile->at[pile->used++], o);
    return 0;
}

static void pile_end(struct pile *pile)
{
    free(pile->at); /* BAD: what it owns is lost */
    *pile = (struct pile){0};
}

int main(void)
{
    struct pile pile = {.at = calloc(4, sizeof *pile.at), .room = 4};
    if (pile.at == NULL) {
        return 1;
    }
    for (int i = 0; i < 3; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            break;
        }
        (void)push(&pile, koken_move(o));
    }
    pile_end(&pile);
    return market_run();
}
