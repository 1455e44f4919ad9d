/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a helper answers a pointer to the symbol inside an order, which is used after the order has gone */
/* CLASS: borrow-escape */
#include "market.h"

struct statistics {
    koken_ref next;
    long by_letter[26];
    long others;
};

static const char *symbol_of(const struct order *o)
{
    return o->symbol[0] != '\0' ? o->symbol : "?";
}

static void count_symbol(struct statistics *self, const char *symbol)
{
    if (symbol[0] >= 'A' && symbol[0] <= 'Z') {
        self->by_letter[symbol[0] - 'A']++;
    } else {
        self->others++;
    }
}

static int on_order(koken_ctx *ctx, struct statistics *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    const char *symbol = symbol_of(koken_get(o)); /* BAD */
    if (strcmp(symbol, "TEST") == 0) {
        koken_drop(o);
    } else {
        koken_post(self->next, o);
    }
    count_symbol(self, symbol); /* BAD */
    return 0;
}

int main(void)
{
    const char *names[] = {"ACME", "TEST", "", "ZINC"};
    koken_ref ref = market_spawn(statistics, order_iso, on_order);
    struct statistics *statistics = market_state(ref);
    statistics->next = market_sink();
    for (int i = 0; i < 4; i++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return 1;
        }
        strncpy(koken_mut(o)->symbol, names[i], sizeof koken_mut(o)->symbol - 1);
        koken_post(ref, o);
    }
    return market_run();
}
