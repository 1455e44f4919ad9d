/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal: what a send to another agent costs the sender: envelope, copy, mailbox; the receiver runs
 * when the sender's turn is over, outside the measured time. Always on one worker: uncontended.
 * Bursts of 500, so that the default bound is never met. Figure: ns per message.
 *
 * signal-handle is the rest: from the end of the burst until the receiver has handled it and has
 * answered.
 */
#include "bench/bench.h"
#include "bench/registry.h"

enum { BURST = 500 };

KOKEN_MESSAGE(sig_item, {
    uint64_t value;
    uint64_t is_last;
});
KOKEN_MESSAGE(sig_back, { uint64_t sum; });

struct sink {
    uint64_t sum;
};

static int on_item(koken_ctx *ctx, struct sink *self, const struct sig_item *msg)
{
    self->sum += msg->value;
    return msg->is_last != 0 ? koken_signal(koken_sender(ctx), sig_back, .sum = self->sum) : 0;
}

KOKEN_AGENT(sink, struct sink, KOKEN_ON(sig_item, on_item));

struct source {
    koken_claim claim;
    koken_ref to;
    uint64_t rounds;
    uint64_t send_ns;
    uint64_t handle_ns;
    uint64_t burst_end_ns;
};

static int burst(struct source *self)
{
    int rc = 0;
    uint64_t start_ns = koken_now();
    for (uint64_t i = 1; rc == 0 && i <= BURST; i++) {
        rc = koken_signal(self->to, sig_item, .value = 1, .is_last = i == BURST);
    }
    self->burst_end_ns = koken_now();
    self->send_ns += self->burst_end_ns - start_ns;
    return rc;
}

static int on_go(koken_ctx *ctx, struct source *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->to = msg->to;
    self->rounds = msg->n;
    return burst(self);
}

static int on_back(koken_ctx *ctx, struct source *self, const struct sig_back *msg)
{
    (void)ctx;
    self->handle_ns += koken_now() - self->burst_end_ns;
    self->rounds--;
    return self->rounds > 0 ? burst(self) : bench_answer(self->claim, msg->sum);
}

/* The times, asked for when the work is done. */
KOKEN_EVENT(sig_ask_times);
KOKEN_MESSAGE(sig_times, {
    uint64_t send_ns;
    uint64_t handle_ns;
});

static int on_ask(koken_ctx *ctx, struct source *self, const struct sig_ask_times *msg)
{
    (void)msg;
    return koken_reply(ctx, sig_times, .send_ns = self->send_ns, .handle_ns = self->handle_ns);
}

KOKEN_AGENT(source, struct source, KOKEN_ON(sig_back, on_back), KOKEN_ON(bench_go, on_go),
            KOKEN_ON(sig_ask_times, on_ask));

int bench_signal(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin_on(run, 1, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t rounds = bench_size(run, 10000);
    struct bench_done done;
    struct sig_times times = {0};
    koken_ref root = koken_spawn(rt, source);
    rc = bench_ask(run, rt, root, rounds, koken_spawn(rt, sink), &done);
    if (rc == 0) {
        rc = bench_check(run, "sum", rounds * BURST, done.value);
    }
    if (rc == 0) {
        rc = bench_error(run, "times", koken_await(rt, root, KOKEN_S(10), &times, sig_ask_times));
    }
    if (rc == 0) {
        double messages = (double)(rounds * BURST);
        bench_report(run, "signal", (double)times.send_ns / messages, "ns/msg");
        bench_report(run, "signal-handle", (double)times.handle_ns / messages, "ns/msg");
    }
    return bench_end(run, rt, rc);
}
