/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skynet: a tree in which each agent makes ten more, down to 1 000 000 leaves; a leaf sends its
 * number to its parent, an inner agent the sum of its ten children. The root's sum is checked.
 * Figure: milliseconds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

KOKEN_MESSAGE(sky_grow, {
    uint64_t number;
    uint64_t size;
});
KOKEN_MESSAGE(sky_sum, { uint64_t sum; });

struct sky {
    koken_ref parent;
    koken_claim claim; /* of the root only */
    uint64_t sum;
    uint32_t waiting; /* children that have not answered */
};

static int on_grow(koken_ctx *ctx, struct sky *self, const struct sky_grow *msg);
static int on_sum(koken_ctx *ctx, struct sky *self, const struct sky_sum *msg);
static int on_go(koken_ctx *ctx, struct sky *self, const struct bench_go *msg);

KOKEN_AGENT(sky, struct sky, KOKEN_ON(sky_grow, on_grow), KOKEN_ON(sky_sum, on_sum),
            KOKEN_ON(bench_go, on_go));

static int grow(koken_ctx *ctx, struct sky *self, uint64_t number, uint64_t size)
{
    self->waiting = 10;
    for (uint64_t i = 0; i < 10; i++) {
        koken_ref child;
        int rc = koken_try_spawn(ctx, &child, sky);
        if (rc == 0) {
            rc = koken_signal(child, sky_grow, .number = number + i * (size / 10),
                              .size = size / 10);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int on_grow(koken_ctx *ctx, struct sky *self, const struct sky_grow *msg)
{
    self->parent = koken_sender(ctx);
    if (msg->size > 1) {
        return grow(ctx, self, msg->number, msg->size);
    }
    int rc = koken_signal(self->parent, sky_sum, .sum = msg->number);
    return rc < 0 ? rc : KOKEN_STOP;
}

static int on_go(koken_ctx *ctx, struct sky *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    return grow(ctx, self, 0, msg->n);
}

static int on_sum(koken_ctx *ctx, struct sky *self, const struct sky_sum *msg)
{
    (void)ctx;
    self->sum += msg->sum;
    self->waiting--;
    if (self->waiting > 0) {
        return 0;
    }
    int rc = self->claim.number != 0 ? bench_answer(self->claim, self->sum)
                                     : koken_signal(self->parent, sky_sum, .sum = self->sum);
    return rc < 0 ? rc : KOKEN_STOP;
}

int bench_skynet(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 1000000);
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, koken_spawn(rt, sky), n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "sum", n * (n - 1) / 2, done.value);
    }
    if (rc == 0) {
        bench_report(run, "skynet", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
