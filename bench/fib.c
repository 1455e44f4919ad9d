/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fib: fib(30) with one agent per call, both halves spawned, no cut-off: 1 664 079 agents, the
 * deepest tree of the suite. Figure: milliseconds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

KOKEN_MESSAGE(fib_ask, { uint64_t n; });
KOKEN_MESSAGE(fib_sum, { uint64_t sum; });

struct fib {
    koken_ref parent;
    koken_claim claim; /* of the root only */
    uint64_t sum;
    uint32_t waiting;
};

static int on_ask(koken_ctx *ctx, struct fib *self, const struct fib_ask *msg);
static int on_sum(koken_ctx *ctx, struct fib *self, const struct fib_sum *msg);
static int on_go(koken_ctx *ctx, struct fib *self, const struct bench_go *msg);

KOKEN_AGENT(fib, struct fib, KOKEN_ON(fib_ask, on_ask), KOKEN_ON(fib_sum, on_sum),
            KOKEN_ON(bench_go, on_go));

static int answer(struct fib *self, uint64_t sum)
{
    int rc = self->claim.number != 0 ? bench_answer(self->claim, sum)
                                     : koken_signal(self->parent, fib_sum, .sum = sum);
    return rc < 0 ? rc : KOKEN_STOP;
}

static int compute(koken_ctx *ctx, struct fib *self, uint64_t n)
{
    if (n <= 2) {
        return answer(self, 1);
    }
    self->waiting = 2;
    for (uint64_t i = 1; i <= 2; i++) {
        koken_ref child;
        int rc = koken_try_spawn(ctx, &child, fib);
        if (rc == 0) {
            rc = koken_signal(child, fib_ask, .n = n - i);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int on_ask(koken_ctx *ctx, struct fib *self, const struct fib_ask *msg)
{
    self->parent = koken_sender(ctx);
    return compute(ctx, self, msg->n);
}

static int on_go(koken_ctx *ctx, struct fib *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    return compute(ctx, self, msg->n);
}

static int on_sum(koken_ctx *ctx, struct fib *self, const struct fib_sum *msg)
{
    (void)ctx;
    self->sum += msg->sum;
    self->waiting--;
    return self->waiting > 0 ? 0 : answer(self, self->sum);
}

int bench_fib(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 100) == 100 ? 30 : 20;
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, koken_spawn(rt, fib), n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "fib", n == 30 ? 832040 : 6765, done.value);
    }
    if (rc == 0) {
        bench_report(run, "fib", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
