/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale: what a message costs when 10^2, 10^3 ... 10^7 agents are alive and all are visited. The
 * agents form a ring in an order drawn by chance, so that the next one is nowhere near in memory;
 * 64 tokens go round, 5 million hops together. Figures: ns per hop (scale-N) and resident bytes per
 * agent (scale-mem-N).
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 64, SLICE = 256 };

KOKEN_MESSAGE(sc_next, { koken_ref who; });
KOKEN_MESSAGE(sc_token, { uint64_t left; });

struct sc_node {
    koken_ref next;
    koken_ref maker;
};

static int on_next(koken_ctx *ctx, struct sc_node *self, const struct sc_next *msg)
{
    self->next = msg->who;
    self->maker = koken_sender(ctx);
    return 0;
}

static int on_token(koken_ctx *ctx, struct sc_node *self, const struct sc_token *msg)
{
    (void)ctx;
    if (msg->left == 0) {
        return koken_signal(self->maker, bench_tok, .value = 1);
    }
    return koken_signal(self->next, sc_token, .left = msg->left - 1);
}

KOKEN_AGENT(sc_node, struct sc_node, KOKEN_ON(sc_next, on_next), KOKEN_ON(sc_token, on_token));

struct sc_maker {
    koken_claim claim;
    koken_ref *ring; /* shuffled once they are made */
    uint64_t count;
    uint64_t made;
    uint64_t linked;
    uint64_t hops; /* of each token */
    uint64_t tokens;
    uint64_t start_ns;
    uint64_t random;
};

static void shuffle(struct sc_maker *self)
{
    for (uint64_t i = self->count - 1; i > 0; i--) {
        self->random = self->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t j = (self->random >> 33) % (i + 1);
        koken_ref kept = self->ring[i];
        self->ring[i] = self->ring[j];
        self->ring[j] = kept;
    }
}

static int start_tokens(struct sc_maker *self)
{
    int rc = 0;
    self->start_ns = koken_now();
    for (uint64_t i = 0; rc == 0 && i < TOKENS; i++) {
        rc = koken_signal(self->ring[i * self->count / TOKENS], sc_token, .left = self->hops);
    }
    return rc;
}

/* Makes, then links, in slices, so that nobody starves. */
static int on_more(koken_ctx *ctx, struct sc_maker *self, const struct bench_more *msg)
{
    (void)msg;
    int rc = 0;
    for (int i = 0; rc == 0 && i < SLICE && self->made < self->count; i++) {
        rc = koken_try_spawn(ctx, &self->ring[self->made], sc_node);
        self->made++;
        if (self->made == self->count) {
            shuffle(self);
            break;
        }
    }
    for (int i = 0; rc == 0 && i < SLICE && self->made == self->count && self->linked < self->count;
         i++) {
        koken_ref next = self->ring[(self->linked + 1) % self->count];
        rc = koken_signal(self->ring[self->linked], sc_next, .who = next);
        self->linked++;
    }
    if (rc < 0) {
        return rc;
    }
    return self->linked == self->count ? start_tokens(self)
                                       : koken_signal(koken_self(ctx), bench_more);
}

static int on_go(koken_ctx *ctx, struct sc_maker *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->hops = msg->n;
    return on_more(ctx, self, NULL);
}

static int on_tok(koken_ctx *ctx, struct sc_maker *self, const struct bench_tok *msg)
{
    (void)ctx;
    self->tokens += msg->value;
    return self->tokens == TOKENS ? bench_answer(self->claim, self->start_ns) : 0;
}

KOKEN_AGENT(sc_maker, struct sc_maker, KOKEN_ON(bench_go, on_go), KOKEN_ON(bench_more, on_more),
            KOKEN_ON(bench_tok, on_tok));

static int measure_count(struct bench_run *run, uint64_t count)
{
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t hops = bench_size(run, 5000000) / TOKENS;
    struct bench_done done;
    char name[32];
    struct sc_maker state = {.count = count, .random = bench_seed(run)};
    state.ring = malloc(count * sizeof *state.ring);
    if (state.ring == NULL) {
        return bench_end(run, rt, bench_error(run, "ring", -ENOMEM));
    }
    memset(state.ring, 1, count * sizeof *state.ring);
    double before = (double)bench_rss();
    rc = bench_ask(run, rt, koken_spawn(rt, sc_maker, .arg = &state), hops, KOKEN_NOBODY, &done);
    if (rc == 0) {
        snprintf(name, sizeof name, "scale-%llu", (unsigned long long)count);
        bench_report(run, name, (double)(done.end_ns - done.value) / (double)(hops * TOKENS),
                     "ns/hop");
        snprintf(name, sizeof name, "scale-mem-%llu", (unsigned long long)count);
        bench_report(run, name, ((double)bench_rss() - before) / (double)count, "bytes/actor");
    }
    rc = bench_end(run, rt, rc);
    free(state.ring);
    return rc;
}

/* From small to large: what one run leaves in the allocator is small beside the next. */
int bench_scale(struct bench_run *run, unsigned arg)
{
    (void)arg;
    uint64_t max = bench_size(run, 10000000);
    int rc = 0;
    for (uint64_t count = 100; rc == 0 && count <= max; count *= 10) {
        rc = measure_count(run, count);
    }
    return rc;
}
