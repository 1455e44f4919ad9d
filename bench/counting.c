/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counting: a producer sends 5 000 000 increments to a counter, then asks for the sum.
 * fanin-P: P producers share the 5 000 000 among them. Figure: messages per second.
 *
 * The counter's mailbox has the default bound (1000 messages, REJECT). A producer is a handler
 * agent that sends until it is refused, asks to be told when there is room (koken_notify_writable),
 * and returns: its worker is free for the counter meanwhile. Nothing spins, nothing is dropped,
 * nothing is unbounded.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdio.h>

KOKEN_MESSAGE(cnt_inc, { uint64_t by; });
KOKEN_EVENT(cnt_get);
KOKEN_MESSAGE(cnt_sum, { uint64_t sum; });

struct producer {
    koken_ref counter;
    uint64_t left;
    koken_claim claim;
    bool asks; /* sends cnt_get after the last increment */
};

static int produce(koken_ctx *ctx, struct producer *self)
{
    while (self->left > 0) {
        int rc = koken_signal(self->counter, cnt_inc, .by = 1);
        if (rc == -EAGAIN) {
            return koken_notify_writable(ctx, self->counter);
        }
        if (rc < 0) {
            return rc;
        }
        self->left--;
    }
    if (!self->asks) {
        return 0;
    }
    int rc = koken_signal(self->counter, cnt_get);
    return rc == -EAGAIN ? koken_notify_writable(ctx, self->counter) : rc;
}

static int on_go(koken_ctx *ctx, struct producer *self, const struct bench_go *msg)
{
    self->counter = msg->to;
    self->left = msg->n;
    self->claim = koken_defer(ctx);
    self->asks = self->claim.number != 0;
    return produce(ctx, self);
}

static int on_writable(koken_ctx *ctx, struct producer *self, const struct koken_writable *msg)
{
    (void)msg;
    return produce(ctx, self);
}

static int on_sum(koken_ctx *ctx, struct producer *self, const struct cnt_sum *msg)
{
    (void)ctx;
    return bench_answer(self->claim, msg->sum);
}

KOKEN_AGENT(producer, struct producer, KOKEN_ON(bench_go, on_go),
            KOKEN_ON(koken_writable, on_writable), KOKEN_ON(cnt_sum, on_sum));

struct counter {
    uint64_t sum;
    uint64_t total; /* answer when this is reached; 0: only when asked by cnt_get */
    uint64_t producers;
    koken_claim claim;
};

static int on_inc(koken_ctx *ctx, struct counter *self, const struct cnt_inc *msg)
{
    (void)ctx;
    self->sum += msg->by;
    return self->sum == self->total ? bench_answer(self->claim, self->sum) : 0;
}

static int on_get(koken_ctx *ctx, struct counter *self, const struct cnt_get *msg)
{
    (void)msg;
    return koken_signal(koken_sender(ctx), cnt_sum, .sum = self->sum);
}

/* Fan-in only: the counter makes its producers, so that none floods it before it knows what to
 * expect. */
static int on_fan(koken_ctx *ctx, struct counter *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->total = msg->n;
    for (uint64_t i = 0; i < self->producers; i++) {
        koken_ref who = koken_spawn(ctx, producer);
        int rc = koken_signal(who, bench_go, .n = msg->n / self->producers, .to = koken_self(ctx));
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

KOKEN_AGENT(counter, struct counter, KOKEN_ON(cnt_inc, on_inc), KOKEN_ON(cnt_get, on_get),
            KOKEN_ON(bench_go, on_fan));

static void report(struct bench_run *run, const char *name, uint64_t n, uint64_t ns)
{
    bench_report(run, name, (double)n / (double)ns * 1e9, "msgs/s");
}

int bench_counting(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 5000000);
    struct bench_done done;
    koken_ref to = koken_spawn(rt, counter);
    uint64_t start_ns = koken_now();
    koken_ref root = koken_spawn(rt, producer);
    rc = bench_ask(run, rt, root, n, to, &done);
    if (rc == 0) {
        rc = bench_check(run, "sum", n, done.value);
    }
    if (rc == 0) {
        report(run, "counting", n, done.end_ns - start_ns);
    }
    return bench_end(run, rt, rc);
}

int bench_fanin(struct bench_run *run, unsigned producers)
{
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 5000000) / producers * producers;
    struct bench_done done;
    char name[32];
    snprintf(name, sizeof name, "fanin-%u", producers);
    struct counter state = {.producers = producers};
    uint64_t start_ns = koken_now();
    koken_ref root = koken_spawn(rt, counter, .arg = &state);
    rc = bench_ask(run, rt, root, n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "sum", n, done.value);
    }
    if (rc == 0) {
        report(run, name, n, done.end_ns - start_ns);
    }
    return bench_end(run, rt, rc);
}
