/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a ring of vals: the oldest is taken out before the newest is put in */
#include "market.h"

enum { SLOTS = 4 };

struct history {
    quote_val ring[SLOTS];
    unsigned head;
    long best;
};

static void record(struct history *history, quote_val v)
{
    koken_owned(v);
    unsigned at = history->head++ % SLOTS;

    if (koken_has(history->ring[at])) {
        koken_val(quote, oldest) = koken_take(history->ring[at]);
        koken_drop(oldest);
    }
    koken_put(history->ring[at], v);
}

static long best_of(const struct history *history)
{
    long best = 0;

    for (unsigned i = 0; i < SLOTS; i++) {
        if (!koken_has(history->ring[i])) {
            continue;
        }
        const long bid = koken_peek(history->ring[i])->bid;
        best = bid > best ? bid : best;
    }
    return best;
}

static int on_quote(koken_ctx *ctx, struct history *self, struct quote_iso *msg)
{
    (void)ctx;
    koken_iso(quote, q) = koken_take(*msg);
    koken_mut(q)->ask = koken_get(q)->bid + 2;
    koken_val(quote, v) = koken_freeze(q);
    if (koken_get(v)->bid % 2 == 0) {
        koken_val(quote, another) = koken_dup(v);
        if (koken_give(market_first(), another) != 0) {
            koken_drop(another);
        }
    }
    record(self, koken_move(v));
    self->best = best_of(self);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref history = market_spawn(history, quote_iso, on_quote);
    (void)sink;
    for (int i = 0; i < 3 * SLOTS; i++) {
        koken_iso(quote, q) = koken_new(quote);
        if (koken_none(q)) {
            return 1;
        }
        koken_mut(q)->bid = i;
        koken_post(history, q);
    }
    return market_run();
}
