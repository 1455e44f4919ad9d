/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: work on an order is deferred to the end of the turn, when it has been sent */
/* CLASS: borrow-escape */
#include "market.h"

struct deferred {
    struct deferred *next;
    void (*run)(long *counter);
    long *counter;
};

struct worker {
    struct deferred *first;
    long done;
};

static void count_up(long *counter)
{
    ++*counter;
}

static struct deferred *defer(struct deferred *next, void (*run)(long *), long *counter)
{
    struct deferred *made = malloc(sizeof *made);

    if (made == NULL) {
        abort();
    }
    made->next = next;
    made->run = run;
    made->counter = counter;
    return made;
}

static int on_order(koken_ctx *ctx, struct worker *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    self->first = defer(self->first, count_up, &koken_mut(o)->quantity);
    self->first = defer(self->first, count_up, &self->done);
    koken_post(market_first(), o);
    while (self->first != NULL) {
        struct deferred *now = self->first;
        self->first = now->next;
        now->run(now->counter); /* BAD: the order has gone */
        free(now);
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    (void)sink;
    market_feed(market_spawn(worker, order_iso, on_order), 1);
    return market_run();
}
