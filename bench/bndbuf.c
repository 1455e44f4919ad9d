/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bndbuf-agents: 40 producers, 40 consumers, a buffer of 50 kept by a manager agent (the Savina suite's
 * form; about four messages per item), 25 000 items per producer. The consumers' sum is checked.
 * Figure: ns per item.
 */
#include "bench/bench.h"
#include "bench/registry.h"

enum { PRODUCERS = 40, CONSUMERS = 40, ROOM = 10 /* buffer of 50 less the producers under way */ };
enum { RING = 64 };

KOKEN_MESSAGE(buf_data, {
    uint64_t item;
    koken_ref from;
});
KOKEN_MESSAGE(buf_ready, { koken_ref who; });
KOKEN_EVENT(buf_produce);
KOKEN_EVENT(buf_exit);
KOKEN_EVENT(buf_finish);
KOKEN_MESSAGE(buf_total, { uint64_t sum; });

struct buf_side {
    koken_ref manager;
    uint64_t left; /* producer: items to make */
    uint64_t sum;  /* consumer: of the items seen */
};

static int produce(koken_ctx *ctx, struct buf_side *self)
{
    if (self->left == 0) {
        return koken_signal(self->manager, buf_exit);
    }
    uint64_t item = self->left--;
    return koken_signal(self->manager, buf_data, .item = item, .from = koken_self(ctx));
}

static int on_produce(koken_ctx *ctx, struct buf_side *self, const struct buf_produce *msg)
{
    (void)msg;
    return produce(ctx, self);
}

KOKEN_AGENT(buf_producer, struct buf_side, KOKEN_ON(buf_produce, on_produce));

static int on_item(koken_ctx *ctx, struct buf_side *self, const struct buf_data *msg)
{
    self->sum += msg->item;
    return koken_signal(self->manager, buf_ready, .who = koken_self(ctx));
}

static int on_finish(koken_ctx *ctx, struct buf_side *self, const struct buf_finish *msg)
{
    (void)ctx;
    (void)msg;
    int rc = koken_signal(self->manager, buf_total, .sum = self->sum);
    return rc < 0 ? rc : KOKEN_STOP;
}

KOKEN_AGENT(buf_consumer, struct buf_side, KOKEN_ON(buf_data, on_item),
            KOKEN_ON(buf_finish, on_finish));

/* The rings' indices only grow; the fill is their difference, at most RING. */
struct manager {
    koken_claim claim;
    uint64_t items[RING];
    koken_ref producers[RING]; /* wait until the buffer has room */
    koken_ref consumers[RING]; /* wait for an item */
    uint32_t item_head, item_tail;
    uint32_t producer_head, producer_tail;
    uint32_t consumer_head, consumer_tail;
    uint32_t producing; /* producers that have not exited */
    uint32_t totals;
    uint64_t sum;
    uint64_t end_ns;
};

/* Savina's end: every producer has exited and every consumer waits. */
static int finish_if_done(struct manager *self)
{
    if (self->producing > 0 || self->consumer_tail - self->consumer_head < CONSUMERS) {
        return 0;
    }
    self->end_ns = koken_now();
    int rc = 0;
    while (rc == 0 && self->consumer_head != self->consumer_tail) {
        rc = koken_signal(self->consumers[self->consumer_head++ % RING], buf_finish);
    }
    return rc;
}

static int on_data(koken_ctx *ctx, struct manager *self, const struct buf_data *msg)
{
    (void)ctx;
    int rc = 0;
    if (self->consumer_head == self->consumer_tail) {
        self->items[self->item_tail++ % RING] = msg->item;
    } else {
        rc = koken_signal(self->consumers[self->consumer_head++ % RING], buf_data,
                          .item = msg->item);
    }
    if (rc < 0) {
        return rc;
    }
    if (self->item_tail - self->item_head >= ROOM) {
        self->producers[self->producer_tail++ % RING] = msg->from;
        return 0;
    }
    return koken_signal(msg->from, buf_produce);
}

static int on_ready(koken_ctx *ctx, struct manager *self, const struct buf_ready *msg)
{
    (void)ctx;
    if (self->item_head == self->item_tail) {
        self->consumers[self->consumer_tail++ % RING] = msg->who;
        return finish_if_done(self);
    }
    int rc = koken_signal(msg->who, buf_data, .item = self->items[self->item_head++ % RING]);
    if (rc == 0 && self->producer_head != self->producer_tail) {
        rc = koken_signal(self->producers[self->producer_head++ % RING], buf_produce);
    }
    return rc;
}

static int on_leave(koken_ctx *ctx, struct manager *self, const struct buf_exit *msg)
{
    (void)ctx;
    (void)msg;
    self->producing--;
    return finish_if_done(self);
}

static int on_total(koken_ctx *ctx, struct manager *self, const struct buf_total *msg)
{
    (void)ctx;
    self->sum += msg->sum;
    self->totals++;
    if (self->totals < CONSUMERS) {
        return 0;
    }
    return koken_answer(self->claim, bench_done, .value = self->sum, .end_ns = self->end_ns);
}

static int on_go(koken_ctx *ctx, struct manager *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->producing = PRODUCERS;
    struct buf_side state = {.manager = koken_self(ctx), .left = msg->n};
    for (unsigned i = 0; i < CONSUMERS; i++) {
        self->consumers[self->consumer_tail++ % RING] =
            koken_spawn(ctx, buf_consumer, .arg = &state);
    }
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < PRODUCERS; i++) {
        rc = koken_signal(koken_spawn(ctx, buf_producer, .arg = &state), buf_produce);
    }
    return rc;
}

KOKEN_AGENT(manager, struct manager, KOKEN_ON(buf_data, on_data), KOKEN_ON(buf_ready, on_ready),
            KOKEN_ON(buf_exit, on_leave), KOKEN_ON(buf_total, on_total), KOKEN_ON(bench_go, on_go));

int bench_bndbuf_agents(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 25000);
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, koken_spawn(rt, manager), n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "sum of items", PRODUCERS * (n * (n + 1) / 2), done.value);
    }
    if (rc == 0) {
        double items = (double)(PRODUCERS * n);
        bench_report(run, "bndbuf-agents", (double)(done.end_ns - start_ns) / items, "ns/item");
    }
    return bench_end(run, rt, rc);
}
