/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that start with copies, and one that starts with what is made to be shared. */
#include "market.h"

struct plan {
    int limit;
    char symbol[8];
    struct {
        koken_ref next;
        double rate[2];
    } part;
};

struct book_of_all {
    volatile long *count;
};

/* trusted: the count is a lock-free one, of all traders */
KOKEN_MESSAGE_TRUSTED(count_there, { struct book_of_all book; });

static int trader_init(koken_ctx *ctx, struct plan *self, const void *arg)
{
    (void)ctx;
    *self = *(const struct plan *)arg;
    return 0;
}

KOKEN_AGENT(trader, struct plan, KOKEN_INIT(trader_init));
KOKEN_AGENT(simple, struct plan);
KOKEN_AGENT(counter, struct book_of_all);

static int count(koken_ctx *ctx, struct plan *self, const void *arg)
{
    (void)ctx;
    (void)arg;
    self->limit++;
    return 0;
}

KOKEN_FIBER(worker, struct plan, count);

int main(void)
{
    struct koken *rt = NULL;
    struct plan plan = {.limit = 3, .symbol = "ACME"};
    volatile long all = 0;
    koken_ref ref;

    plan.part.next = koken_spawn(rt, trader, KOKEN_ARG(plan));
    ref = koken_spawn(rt, simple, KOKEN_ARG((struct plan){.limit = 4}), .capacity = 16);
    plan.limit = (int)ref.id;
    ref = koken_spawn(rt, trader, .arg = &plan);
    ref = koken_spawn(rt, worker, .arg = &plan, .arg_size = sizeof plan);
    ref = koken_spawn(rt, worker, .arg = NULL, .capacity = 4);
    /* trusted: as above */
    ref = koken_spawn(rt, counter, KOKEN_ARG_TRUSTED((struct book_of_all){&all}));
    return koken_signal(ref, count_there, .book = {&all}) < 0 ? 1 : market_run();
}
