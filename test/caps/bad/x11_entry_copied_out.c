/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an entry of a table is copied as a struct, and with it the order that it owns */
/* CLASS: alias-iso */
#include "market.h"

enum { WAITING = 4 };

struct entry {
    order_iso order;
    long deadline;
    int tries;
};

struct scheduler {
    struct entry waiting[WAITING];
    int used;
    koken_ref fast, slow;
    long sent;
};

static int most_urgent(const struct scheduler *self)
{
    int best = 0;
    for (int i = 1; i < self->used; i++) {
        if (self->waiting[i].deadline < self->waiting[best].deadline) {
            best = i;
        }
    }
    return best;
}

static void flush(struct scheduler *self)
{
    struct entry first = self->waiting[most_urgent(self)]; /* BAD */
    koken_iso(order, urgent) = koken_take(first.order);
    koken_post(self->fast, urgent);
    self->sent++;
    for (int i = 0; i < self->used; i++) {
        if (!koken_has(self->waiting[i].order)) {
            continue; /* went first */
        }
        koken_iso(order, o) = koken_take(self->waiting[i].order);
        koken_post(self->slow, o);
        self->sent++;
    }
    self->used = 0;
}

static int on_order(koken_ctx *ctx, struct scheduler *self, struct order_iso *msg)
{
    (void)ctx;
    koken_iso(order, o) = koken_take(*msg);
    struct entry *entry = &self->waiting[self->used];
    entry->deadline = 10 - koken_get(o)->id;
    entry->tries = 0;
    koken_put(entry->order, o);
    if (++self->used == WAITING) {
        flush(self);
    }
    return 0;
}

int main(void)
{
    koken_ref ref = market_spawn(scheduler, order_iso, on_order);
    struct scheduler *scheduler = market_state(ref);
    scheduler->fast = market_sink();
    scheduler->slow = market_sink();
    market_feed(ref, WAITING);
    return market_run();
}
