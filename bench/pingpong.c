/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pingpong: two agents, one ball. Each message carries an integer and the sender's handle, to which
 * the other answers. Figure: nanoseconds per one-way message.
 */
#include "bench/bench.h"
#include "bench/registry.h"

KOKEN_MESSAGE(pp_ping, {
    uint64_t n;
    koken_ref from;
});
KOKEN_MESSAGE(pp_pong, {
    uint64_t n;
    koken_ref from;
});

struct ping {
    koken_claim claim;
    uint64_t left;
};

static int on_ping(koken_ctx *ctx, struct bench_none *self, const struct pp_ping *msg)
{
    (void)self;
    return koken_signal(msg->from, pp_pong, .n = msg->n, .from = koken_self(ctx));
}

static int on_go(koken_ctx *ctx, struct ping *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->left = msg->n;
    return koken_signal(msg->to, pp_ping, .n = self->left, .from = koken_self(ctx));
}

static int on_pong(koken_ctx *ctx, struct ping *self, const struct pp_pong *msg)
{
    self->left--;
    if (self->left == 0) {
        return bench_answer(self->claim, msg->n);
    }
    return koken_signal(msg->from, pp_ping, .n = self->left, .from = koken_self(ctx));
}

KOKEN_AGENT(pong, struct bench_none, KOKEN_ON(pp_ping, on_ping));
KOKEN_AGENT(ping, struct ping, KOKEN_ON(bench_go, on_go), KOKEN_ON(pp_pong, on_pong));

int bench_pingpong(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 2000000);
    struct bench_done done;
    uint64_t start_ns = koken_now();
    koken_ref other = koken_spawn(rt, pong);
    koken_ref root = koken_spawn(rt, ping);
    rc = bench_ask(run, rt, root, n, other, &done);
    if (rc == 0) {
        rc = bench_check(run, "last ball", 1, done.value);
    }
    if (rc == 0) {
        bench_report(run, "pingpong", (double)(done.end_ns - start_ns) / (2.0 * (double)n),
                     "ns/msg");
    }
    return bench_end(run, rt, rc);
}
