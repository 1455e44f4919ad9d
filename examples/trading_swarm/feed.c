/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fiber agent: three loops in plain C - bars, ticks, and waiting for credit - where a handler
 * agent would have to keep its place in a state. The window bounds everything that a symbol can
 * have under way, and so every mailbox behind it; a slow ledger slows the feed down, nothing is
 * lost on the way.
 */
#include "feed.h"

#include "messages.h"
#include "path.h"
#include "random.h"

struct feed {
    uint32_t under_way; /* ticks sent, not yet credited */
    uint32_t number;    /* of the next tick */
    uint64_t chance;    /* which tick of a batch is timed */
    uint32_t timed;
};

/* Waits until at most `most` ticks are under way. */
static int wait_for_credit(koken_ctx *ctx, struct feed *self, uint32_t most)
{
    struct credit credit;

    while (self->under_way > most) {
        int rc = koken_receive_only(ctx, KOKEN_NO_DEADLINE, credit, &credit);

        if (rc < 0) {
            return rc;
        }
        self->under_way -= credit.ticks;
    }
    return 0;
}

static int publish(struct feed *self, const struct feed_plan *plan, struct tick *tick)
{
    uint32_t place = self->number % FEED_BATCH;

    if (place == 0) {
        self->timed = random_below(&self->chance, FEED_BATCH);
    }
    tick->sent_at = place == self->timed ? koken_now() : 0;
    for (unsigned i = 0; i < STRATEGY_COUNT_; i++) {
        int rc = koken_send(plan->analysts[i], tick, tick);

        if (rc < 0) {
            return rc;
        }
    }
    self->number++;
    self->under_way++;
    return 0;
}

static int send_bar(koken_ctx *ctx, struct feed *self, const struct feed_plan *plan, uint32_t bar)
{
    bool is_last_bar = bar + 1 == plan->series->count;
    struct path path;

    path_begin(&path, &plan->series->bars[bar], plan->ticks_per_bar, plan->seed);
    for (uint32_t left = plan->ticks_per_bar; left > 0; left--) {
        bool ends_batch = (self->number + 1) % FEED_BATCH == 0 || (is_last_bar && left == 1);
        struct tick tick = {
            .price = path_next(&path),
            .number = self->number,
            .bar = bar,
            .symbol = plan->symbol,
            .flags = (left == 1 ? TICK_CLOSES_BAR : 0) | (ends_batch ? TICK_ENDS_BATCH : 0),
        };
        int rc = wait_for_credit(ctx, self, FEED_WINDOW - 1);

        rc = rc < 0 ? rc : publish(self, plan, &tick);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int feed_body(koken_ctx *ctx, struct feed *self, const void *arg)
{
    const struct feed_plan *plan = arg;

    self->chance = plan->seed;
    for (uint32_t bar = 0; bar < plan->series->count; bar++) {
        int rc = send_bar(ctx, self, plan, bar);

        if (rc < 0) {
            return rc;
        }
    }
    return wait_for_credit(ctx, self, 0); /* the last credits are not to find a dead letter box */
}

KOKEN_FIBER(feed, struct feed, feed_body);

int feed_open(struct koken *rt, const struct feed_plan *plan)
{
    koken_ref feed;

    return koken_try_spawn(rt, &feed, feed, .arg = plan, .arg_size = sizeof *plan);
}
