/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmc-1x1, mpmc-2x2: fiber agents send 5 000 000 items through one channel of 1024 to as many other fiber
 * agents. bndbuf: 40 producers, 40 consumers, a channel of 50, 25 000 items per producer; the same by a manager
 * agent is bndbuf-agents. The consumers' sum is checked. Figure: ns per item. channel: one fiber puts an item
 * in and takes it out again, nobody else is there. Figure: ns per pair.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>

enum { CAPACITY = 1024 };

KOKEN_MESSAGE(mp_item, { uint64_t value; });

struct mp_side {
    struct koken_channel *channel;
    koken_ref sink;
    uint64_t n; /* items to send; of a receiver: nothing */
};

static int mp_sender_body(koken_ctx *ctx, struct bench_none *self, const void *arg)
{
    (void)self;
    const struct mp_side *side = arg;
    (void)ctx;
    for (uint64_t i = 1; i <= side->n; i++) {
        int rc = koken_channel_send(side->channel, KOKEN_NO_DEADLINE, mp_item, .value = i);
        if (rc < 0) {
            return rc;
        }
    }
    return koken_signal(side->sink, bench_tok, .value = 0);
}

KOKEN_FIBER(mp_sender, struct bench_none, mp_sender_body);

static int mp_receiver_body(koken_ctx *ctx, struct bench_none *self, const void *arg)
{
    const struct mp_side *side = arg;
    struct mp_item item;
    uint64_t sum = 0;
    int rc;
    (void)ctx;
    (void)self;
    while ((rc = koken_channel_recv(side->channel, KOKEN_NO_DEADLINE, mp_item, &item)) == 0) {
        sum += item.value; /* ends: closed, and empty */
    }
    return rc == -ESHUTDOWN ? koken_signal(side->sink, bench_tok, .value = sum) : rc;
}

KOKEN_FIBER(mp_receiver, struct bench_none, mp_receiver_body);

/* Closes the channel when all senders are done, and adds up what the receivers say. */
struct mp_sink {
    koken_claim claim;
    struct koken_channel *channel;
    uint64_t sum;
    uint32_t senders, receivers, tokens;
};

static int on_mp_go(koken_ctx *ctx, struct mp_sink *self, const struct bench_go *msg)
{
    struct mp_side side = {self->channel, koken_self(ctx), msg->n};
    self->claim = koken_defer(ctx);
    for (uint32_t i = 0; i < self->receivers; i++) {
        (void)koken_spawn(ctx, mp_receiver, .arg = &side, .arg_size = sizeof side);
    }
    for (uint32_t i = 0; i < self->senders; i++) {
        (void)koken_spawn(ctx, mp_sender, .arg = &side, .arg_size = sizeof side);
    }
    return 0;
}

static int on_mp_tok(koken_ctx *ctx, struct mp_sink *self, const struct bench_tok *msg)
{
    (void)ctx;
    self->sum += msg->value;
    self->tokens++;
    if (self->tokens == self->senders) {
        return koken_channel_close(self->channel);
    }
    return self->tokens == self->senders + self->receivers ? bench_answer(self->claim, self->sum)
                                                           : 0;
}

KOKEN_AGENT(mp_sink, struct mp_sink, KOKEN_ON(bench_go, on_mp_go), KOKEN_ON(bench_tok, on_mp_tok));

/* `each` items of each sender, by a channel of that capacity. */
static int run_mpmc(struct bench_run *run, const char *name, uint32_t sides, uint32_t capacity,
                    uint64_t each)
{
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    struct mp_sink sink = {.senders = sides, .receivers = sides};
    struct bench_done done;
    rc = koken_channel_new(rt, &sink.channel, mp_item, capacity);
    uint64_t start_ns = koken_now();
    if (rc == 0) {
        rc = bench_ask(run, rt, koken_spawn(rt, mp_sink, .arg = &sink), each, KOKEN_NOBODY, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "sum of items", sides * (each * (each + 1) / 2), done.value);
    }
    if (rc == 0) {
        bench_report(run, name, (double)(done.end_ns - start_ns) / (double)(sides * each),
                     "ns/item");
    }
    rc = bench_end(run, rt, rc);
    (void)koken_channel_unref(sink.channel);
    return rc;
}

int bench_mpmc(struct bench_run *run, unsigned pairs)
{
    return run_mpmc(run, pairs == 1 ? "mpmc-1x1" : "mpmc-2x2", pairs, CAPACITY,
                    bench_size(run, 5000000) / pairs);
}

int bench_bndbuf(struct bench_run *run, unsigned arg)
{
    (void)arg;
    return run_mpmc(run, "bndbuf", 40, 50, bench_size(run, 25000));
}

static int mp_loner_body(koken_ctx *ctx, struct bench_none *self, const void *arg)
{
    struct koken_channel *channel;
    struct bench_go go;
    uint64_t sum = 0;
    (void)self;
    (void)arg;
    int rc = koken_receive_only(ctx, KOKEN_S(60), bench_go, &go);
    rc = rc < 0 ? rc : koken_channel_new(ctx, &channel, mp_item, CAPACITY);
    if (rc < 0) {
        return rc;
    }
    koken_claim claim = koken_defer(ctx);
    for (uint64_t i = 1; rc == 0 && i <= go.n; i++) {
        struct mp_item item;
        rc = koken_channel_send(channel, KOKEN_NO_DEADLINE, mp_item, .value = i);
        rc = rc < 0 ? rc : koken_channel_recv(channel, KOKEN_NO_DEADLINE, mp_item, &item);
        sum += rc < 0 ? 0 : item.value;
    }
    (void)koken_channel_unref(channel);
    return rc < 0 ? rc : bench_answer(claim, sum);
}

KOKEN_FIBER(mp_loner, struct bench_none, mp_loner_body);

int bench_channel(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin_on(run, 1, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 5000000);
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, koken_spawn(rt, mp_loner), n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "sum of items", n * (n + 1) / 2, done.value);
    }
    if (rc == 0) {
        bench_report(run, "channel", (double)(done.end_ns - start_ns) / (double)n, "ns/pair");
    }
    return bench_end(run, rt, rc);
}
