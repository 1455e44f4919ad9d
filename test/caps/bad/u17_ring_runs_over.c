/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a ring of quotes: the newest is put over the oldest */
/* CLASS: leak */
#include "market.h"

enum { SLOTS = 4 };

struct history {
    quote_val ring[SLOTS];
    unsigned head;
};

static void record(struct history *history, quote_val v)
{
    koken_owned(v);
    koken_put(history->ring[history->head++ % SLOTS], v); /* BAD: after a round it is full */
}

static int on_quote(koken_ctx *ctx, struct history *self, struct quote_val *msg)
{
    (void)ctx;
    koken_val(quote, v) = koken_take(*msg);
    record(self, koken_move(v));
    return 0;
}

int main(void)
{
    koken_ref history = market_spawn(history, quote_val, on_quote);
    for (int i = 0; i < SLOTS + 1; i++) {
        koken_iso(quote, q) = koken_new(quote);
        if (koken_none(q)) {
            return 1;
        }
        koken_val(quote, v) = koken_freeze(q);
        koken_post(history, v);
    }
    return market_run();
}
