/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: two agents get the same table of totals as memory of their own, and both write to it */
/* CLASS: foreign-state */
#include "market.h"

enum { CLASSES = 4 };

KOKEN_STATE(counter, (own, long *, totals), (plain, long, seen), (tag, next));

static int class_of(const struct order *o)
{
    return (int)(o->id % CLASSES);
}

static int on_order(koken_ctx *ctx, struct counter *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    self->totals[class_of(koken_get(o))]++; /* BAD */
    self->seen++;
    koken_post(self->next, o);
    return 0;
}

static koken_ref start_counter(long *totals, koken_ref next)
{
    koken_ref ref = market_spawn(counter, order_iso, on_order);
    struct counter *state = market_state(ref);
    state->totals = totals; /* BAD */
    state->next = next;
    return ref;
}

int main(void)
{
    long *totals = calloc(CLASSES, sizeof *totals);
    if (totals == NULL) {
        return 1;
    }
    koken_ref sink = market_sink();
    koken_ref left = start_counter(totals, sink);
    koken_ref right = start_counter(totals, sink);
    market_feed(left, 6);
    market_feed(right, 6);
    int rc = market_run();
    long sum = 0;
    for (int i = 0; i < CLASSES; i++) {
        sum += totals[i];
    }
    market_use(sum);
    free(totals);
    return rc;
}
