/* SPDX-License-Identifier: Apache-2.0 */
/*
 * philosophers: 20 philosophers eat 10 000 times each; one arbitrator agent hands out the forks.
 * Who is refused asks again at once (Savina's form). Figure: milliseconds.
 */
#include "bench/bench.h"
#include "bench/registry.h"

enum { SEATS = 20 };

KOKEN_MESSAGE(phil_hungry, { uint64_t seat; });
KOKEN_EVENT(phil_denied);
KOKEN_EVENT(phil_eat);
KOKEN_MESSAGE(phil_done, { uint64_t seat; });
KOKEN_MESSAGE(phil_exit, { uint64_t meals; });

struct philosopher {
    koken_ref arbitrator;
    uint64_t seat;
    uint64_t left;
    uint64_t meals;
};

static int ask(struct philosopher *self)
{
    return koken_signal(self->arbitrator, phil_hungry, .seat = self->seat);
}

static int on_go(koken_ctx *ctx, struct philosopher *self, const struct bench_go *msg)
{
    (void)ctx;
    (void)msg;
    return ask(self);
}

static int on_denied(koken_ctx *ctx, struct philosopher *self, const struct phil_denied *msg)
{
    (void)ctx;
    (void)msg;
    return ask(self);
}

static int on_eat(koken_ctx *ctx, struct philosopher *self, const struct phil_eat *msg)
{
    (void)ctx;
    (void)msg;
    self->meals++;
    self->left--;
    int rc = koken_signal(self->arbitrator, phil_done, .seat = self->seat);
    if (rc < 0 || self->left > 0) {
        return rc < 0 ? rc : ask(self);
    }
    rc = koken_signal(self->arbitrator, phil_exit, .meals = self->meals);
    return rc < 0 ? rc : KOKEN_STOP;
}

KOKEN_AGENT(philosopher, struct philosopher, KOKEN_ON(bench_go, on_go),
            KOKEN_ON(phil_denied, on_denied), KOKEN_ON(phil_eat, on_eat));

struct arbitrator {
    koken_claim claim;
    uint64_t meals;
    uint32_t exited;
    bool in_use[SEATS]; /* fork i lies left of seat i */
};

static int on_open(koken_ctx *ctx, struct arbitrator *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < SEATS; i++) {
        struct philosopher state = {koken_self(ctx), i, msg->n, 0};
        rc = koken_signal(koken_spawn(ctx, philosopher, .arg = &state), bench_go, .n = 0);
    }
    return rc;
}

static int on_hungry(koken_ctx *ctx, struct arbitrator *self, const struct phil_hungry *msg)
{
    bool *left = &self->in_use[msg->seat];
    bool *right = &self->in_use[(msg->seat + 1) % SEATS];
    if (*left || *right) {
        return koken_signal(koken_sender(ctx), phil_denied);
    }
    *left = true;
    *right = true;
    return koken_signal(koken_sender(ctx), phil_eat);
}

static int on_done(koken_ctx *ctx, struct arbitrator *self, const struct phil_done *msg)
{
    (void)ctx;
    self->in_use[msg->seat] = false;
    self->in_use[(msg->seat + 1) % SEATS] = false;
    return 0;
}

static int on_leave(koken_ctx *ctx, struct arbitrator *self, const struct phil_exit *msg)
{
    (void)ctx;
    self->meals += msg->meals;
    self->exited++;
    return self->exited == SEATS ? bench_answer(self->claim, self->meals) : 0;
}

KOKEN_AGENT(arbitrator, struct arbitrator, KOKEN_ON(phil_hungry, on_hungry),
            KOKEN_ON(phil_done, on_done), KOKEN_ON(phil_exit, on_leave),
            KOKEN_ON(bench_go, on_open));

int bench_philosophers(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 10000);
    struct bench_done done;
    uint64_t start_ns = koken_now();
    rc = bench_ask(run, rt, koken_spawn(rt, arbitrator), n, KOKEN_NOBODY, &done);
    if (rc == 0) {
        rc = bench_check(run, "meals", SEATS * n, done.value);
    }
    if (rc == 0) {
        bench_report(run, "philosophers", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
