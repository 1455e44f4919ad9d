/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer: an agent arms 1000 timers and cancels them, again and again (timer, ns per pair), then
 * lets 1000 timers of 0.1 to 10 ms fire and notes how late each is (timer-late-p50 and so on). None
 * may be early.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdlib.h>

enum { TIMERS = 1000, MAILBOX_SHARE = 500 /* armed at once to fire: below the mailbox's bound */ };

KOKEN_MESSAGE(tm_fire, { uint64_t due_ns; });

struct clockwork {
    koken_claim claim;
    struct koken_histogram *late;
    koken_timer *timers; /* TIMERS of them */
    uint64_t random;
    uint64_t pairs_ns;
    uint64_t left;
    uint64_t early;
};

static int arm_and_cancel(koken_ctx *ctx, struct clockwork *self)
{
    for (int i = 0; i < TIMERS; i++) {
        self->timers[i] =
            koken_after(ctx, KOKEN_S(10) + KOKEN_US(10) * (uint64_t)i, tm_fire, .due_ns = 0);
    }
    for (int i = 0; i < TIMERS; i++) {
        int rc = koken_cancel(ctx, self->timers[i]);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int arm_one(koken_ctx *ctx, struct clockwork *self)
{
    uint64_t delay_ns = KOKEN_US(100) + KOKEN_US(bench_random(&self->random) % 9900);
    koken_timer timer = koken_after(ctx, delay_ns, tm_fire, .due_ns = koken_now() + delay_ns);
    return timer.id == 0 ? -ENOMEM : 0;
}

static int on_go(koken_ctx *ctx, struct clockwork *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    int rc = arm_and_cancel(ctx, self); /* warm */
    uint64_t start_ns = koken_now();
    for (uint64_t i = 0; rc == 0 && i < msg->n; i++) {
        rc = arm_and_cancel(ctx, self);
    }
    self->pairs_ns = koken_now() - start_ns;
    self->left = TIMERS;
    for (int i = 0; rc == 0 && i < MAILBOX_SHARE; i++) {
        rc = arm_one(ctx, self);
    }
    return rc;
}

/* due_ns was taken before the timer was armed, so a timer that keeps its promise is never before
 * it. */
static int on_fire(koken_ctx *ctx, struct clockwork *self, const struct tm_fire *msg)
{
    uint64_t now_ns = koken_now();
    self->early += now_ns < msg->due_ns ? 1 : 0;
    koken_histogram_record(self->late, now_ns - msg->due_ns);
    self->left--;
    if (self->left == 0) {
        return koken_answer(self->claim, bench_done, .value = self->early,
                            .end_ns = self->pairs_ns);
    }
    return self->left >= MAILBOX_SHARE ? arm_one(ctx, self) : 0;
}

KOKEN_AGENT(clockwork, struct clockwork, KOKEN_ON(bench_go, on_go), KOKEN_ON(tm_fire, on_fire));

int bench_timer(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    struct clockwork state = {.random = bench_seed(run)};
    state.late = calloc(1, sizeof *state.late);
    state.timers = calloc(TIMERS, sizeof *state.timers);
    uint64_t n = bench_size(run, 1000);
    struct bench_done done = {0};
    rc = state.late == NULL || state.timers == NULL ? bench_error(run, "tables", -ENOMEM) : 0;
    if (rc == 0) {
        rc = bench_ask(run, rt, koken_spawn(rt, clockwork, .arg = &state), n, KOKEN_NOBODY, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "early timers", 0, done.value);
    }
    if (rc == 0) {
        bench_report(run, "timer", (double)done.end_ns / (double)(n * TIMERS), "ns/pair");
        bench_report_latency(run, "timer-late", state.late);
    }
    rc = bench_end(run, rt, rc);
    free(state.late);
    free(state.timers);
    return rc;
}
