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

#include <errno.h>

#define PAGE_BARS 64

/* Bars on their way to the feed, and the pages after them: who has the first owns them all. */
KOKEN_PAYLOAD(page, (plain, uint32_t, count), (array, uint32_t, date, PAGE_BARS),
              (array, money, open, PAGE_BARS), (array, money, high, PAGE_BARS),
              (array, money, low, PAGE_BARS), (array, money, close, PAGE_BARS), (iso, page, next));

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

static int send_bar(koken_ctx *ctx, struct feed *self, const struct feed_plan *plan,
                    const struct bar *day, uint32_t bar)
{
    bool is_last_bar = bar + 1 == plan->bar_count;
    struct path path;

    path_begin(&path, day, plan->ticks_per_bar, plan->seed);
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

static int send_page(koken_ctx *ctx, struct feed *self, const struct feed_plan *plan,
                     const struct page *page, uint32_t bar)
{
    for (uint32_t i = 0; i < page->count; i++) {
        const struct bar day = {page->date[i], page->open[i], page->high[i], page->low[i],
                                page->close[i]};
        int rc = send_bar(ctx, self, plan, &day, bar + i);

        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int feed_body(koken_ctx *ctx, struct feed *self, const void *arg)
{
    const struct feed_plan *plan = arg;
    koken_slot(page, pages);
    int rc = koken_receive_iso(ctx, KOKEN_NO_DEADLINE, page, pages);

    self->chance = plan->seed;
    for (uint32_t bar = 0; rc >= 0 && koken_has(pages); bar += PAGE_BARS) {
        koken_iso(page, page) = koken_take(pages);

        rc = send_page(ctx, self, plan, koken_get(page), bar);
        if (koken_has(koken_mut(page)->next)) {
            koken_iso(page, next) = koken_take(koken_mut(page)->next);

            koken_put(pages, next);
        }
        koken_drop(page);
    }
    if (koken_has(pages)) { /* told to stop before the end */
        koken_iso(page, page) = koken_take(pages);

        koken_drop(page);
    }
    return rc < 0 ? rc : wait_for_credit(ctx, self, 0); /* the last credits are no dead letters */
}

KOKEN_FIBER(feed, struct feed, feed_body);

static void fill_page(struct page *page, const struct series *series, size_t first)
{
    size_t count = series->count - first < PAGE_BARS ? series->count - first : PAGE_BARS;

    page->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        const struct bar *bar = &series->bars[first + i];

        page->date[i] = bar->date;
        page->open[i] = bar->open;
        page->high[i] = bar->high;
        page->low[i] = bar->low;
        page->close[i] = bar->close;
    }
}

/* Gives the feed a copy of all bars, made from the last page to the first. */
static int hand_over(koken_ref feed, const struct series *series)
{
    koken_slot(page, later);

    for (size_t left = (series->count + PAGE_BARS - 1) / PAGE_BARS; left > 0; left--) {
        koken_iso(page, page) = koken_new(page);

        if (koken_none(page)) {
            break;
        }
        fill_page(koken_mut(page), series, (left - 1) * PAGE_BARS);
        if (koken_has(later)) {
            koken_iso(page, next) = koken_take(later);

            koken_put(koken_mut(page)->next, next);
        }
        if (left == 1) {
            koken_post(feed, page);
            return 0;
        }
        koken_put(later, page);
    }
    if (koken_has(later)) {
        koken_iso(page, page) = koken_take(later);

        koken_drop(page);
    }
    return -ENOMEM; /* there is no symbol without a bar */
}

int feed_open(struct koken *rt, const struct feed_plan *plan, const struct series *series)
{
    koken_ref feed;
    int rc = koken_try_spawn(rt, &feed, feed, KOKEN_ARG(*plan));

    return rc < 0 ? rc : hand_over(feed, series);
}
