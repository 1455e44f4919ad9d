/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chameneos: 100 creatures meet in a mall, two at a time, 1 000 000 times, and change colour. The
 * mall is one agent that everybody talks to. The creatures' counts must sum to 2 000 000. Figure:
 * milliseconds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

enum { CREATURES = 100 };

KOKEN_MESSAGE(cham_meet, {
    uint64_t colour;
    koken_ref who;
});
KOKEN_MESSAGE(cham_change, { uint64_t colour; });
KOKEN_EVENT(cham_stop);
KOKEN_MESSAGE(cham_count, { uint64_t met; });

struct creature {
    koken_ref mall;
    uint64_t colour;
    uint64_t met;
};

static uint64_t complement(uint64_t mine, uint64_t other)
{
    return mine == other ? mine : 3 - mine - other;
}

static int visit(koken_ctx *ctx, struct creature *self)
{
    return koken_signal(self->mall, cham_meet, .colour = self->colour, .who = koken_self(ctx));
}

static int on_go(koken_ctx *ctx, struct creature *self, const struct bench_go *msg)
{
    self->mall = msg->to;
    self->colour = msg->n;
    return visit(ctx, self);
}

static int on_meet(koken_ctx *ctx, struct creature *self, const struct cham_meet *msg)
{
    self->colour = complement(self->colour, msg->colour);
    self->met++;
    int rc = koken_signal(msg->who, cham_change, .colour = self->colour);
    return rc < 0 ? rc : visit(ctx, self);
}

static int on_change(koken_ctx *ctx, struct creature *self, const struct cham_change *msg)
{
    self->colour = msg->colour;
    self->met++;
    return visit(ctx, self);
}

static int on_stop(koken_ctx *ctx, struct creature *self, const struct cham_stop *msg)
{
    (void)ctx;
    (void)msg;
    int rc = koken_signal(self->mall, cham_count, .met = self->met);
    return rc < 0 ? rc : KOKEN_STOP;
}

KOKEN_AGENT(creature, struct creature, KOKEN_ON(cham_meet, on_meet),
            KOKEN_ON(cham_change, on_change), KOKEN_ON(cham_stop, on_stop),
            KOKEN_ON(bench_go, on_go));

struct mall {
    koken_claim claim;
    uint64_t left;
    koken_ref waiting; /* the first comer */
    uint64_t sum;
    uint64_t counted;
};

static int on_open(koken_ctx *ctx, struct mall *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    self->left = msg->n;
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < CREATURES; i++) {
        rc = koken_signal(koken_spawn(ctx, creature), bench_go, .n = i % 3, .to = koken_self(ctx));
    }
    return rc;
}

static int on_visitor(koken_ctx *ctx, struct mall *self, const struct cham_meet *msg)
{
    (void)ctx;
    if (self->left == 0) {
        return koken_signal(msg->who, cham_stop);
    }
    if (koken_is_nobody(self->waiting)) {
        self->waiting = msg->who;
        return 0;
    }
    koken_ref first = self->waiting;
    self->left--;
    self->waiting = KOKEN_NOBODY;
    return koken_signal(first, cham_meet, .colour = msg->colour, .who = msg->who);
}

static int on_count(koken_ctx *ctx, struct mall *self, const struct cham_count *msg)
{
    (void)ctx;
    self->sum += msg->met;
    self->counted++;
    return self->counted == CREATURES ? bench_answer(self->claim, self->sum) : 0;
}

KOKEN_AGENT(mall, struct mall, KOKEN_ON(cham_meet, on_visitor), KOKEN_ON(bench_go, on_open),
            KOKEN_ON(cham_count, on_count));

int bench_chameneos(struct bench_run *run, unsigned arg)
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
    rc = bench_ask(run, rt, koken_spawn(rt, mall), n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "meetings", 2 * n, done.value);
    }
    if (rc == 0) {
        bench_report(run, "chameneos", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
