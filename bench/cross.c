/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cross: a ball between two agents that both have other things to do, on two workers: each keeps sending itself
 * a message, so that neither ever sleeps or moves. One way is what a message between busy cores takes.
 * cross-ring, in the same run: the same ball between two spinning threads, by a pair of Concurrency Kit's
 * rings for one producer and one consumer. Figures: ns one way.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <ck_ring.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { RING = 64, MEET_S = 10 };

KOKEN_EVENT(cx_meet);
KOKEN_EVENT(cx_spin);
KOKEN_MESSAGE(cx_ball, { uint64_t left; });
KOKEN_MESSAGE(cx_over, { uint64_t unused; });

struct busy {
    koken_ref peer;
    koken_claim claim;
    atomic_uint *here; /* how many have come; of the run */
    bool is_over;
};

/* Both handlers wait here for each other, so they are on two workers; each then has work for ever. */
static int on_meet(koken_ctx *ctx, struct busy *self, const struct cx_meet *msg)
{
    (void)msg;
    uint64_t end_ns = koken_now() + KOKEN_S(MEET_S);
    atomic_fetch_add(self->here, 1);
    while (atomic_load(self->here) < 2) {
        if (koken_now() > end_ns) {
            return -ETIMEDOUT; /* one worker for two */
        }
        sched_yield();
    }
    return koken_signal(koken_self(ctx), cx_spin);
}

static int on_spin(koken_ctx *ctx, struct busy *self, const struct cx_spin *msg)
{
    (void)msg;
    return self->is_over ? 0 : koken_signal(koken_self(ctx), cx_spin);
}

static int on_over(koken_ctx *ctx, struct busy *self, const struct cx_over *msg)
{
    (void)ctx;
    (void)msg;
    self->is_over = true;
    return 0;
}

static int on_ball(koken_ctx *ctx, struct busy *self, const struct cx_ball *msg)
{
    (void)ctx;
    if (msg->left > 0) {
        return koken_signal(self->peer, cx_ball, .left = msg->left - 1);
    }
    self->is_over = true;
    int rc = koken_signal(self->peer, cx_over);
    return rc < 0 ? rc : bench_answer(self->claim, 1);
}

static int on_go(koken_ctx *ctx, struct busy *self, const struct bench_go *msg)
{
    self->peer = msg->to;
    self->claim = koken_defer(ctx);
    return koken_signal(self->peer, cx_ball, .left = 2 * msg->n - 1);
}

KOKEN_AGENT(busy, struct busy, KOKEN_ON(cx_meet, on_meet), KOKEN_ON(cx_spin, on_spin),
            KOKEN_ON(cx_ball, on_ball), KOKEN_ON(cx_over, on_over), KOKEN_ON(bench_go, on_go));

static int measure_agents(struct bench_run *run, uint64_t n)
{
    struct koken *rt;
    int rc = bench_begin_on(run, 2, &rt);
    if (rc < 0) {
        return rc;
    }
    atomic_uint here = 0;
    struct bench_done done;
    struct busy state = {.here = &here};
    koken_ref a = koken_spawn(rt, busy, .arg = &state);
    state.peer = a;
    koken_ref b = koken_spawn(rt, busy, .arg = &state);
    rc = koken_signal(a, cx_meet);
    rc = rc < 0 ? rc : koken_signal(b, cx_meet);
    uint64_t start_ns = koken_now();
    if (rc == 0) {
        rc = bench_ask(run, rt, a, n, b, &done);
    }
    if (rc == 0) {
        bench_report(run, "cross", (double)(done.end_ns - start_ns) / (double)(2 * n), "ns");
    }
    return bench_end(run, rt, rc);
}

/* ---- the ring pair --------------------------------------------------------------------------- */

struct court {
    ck_ring_t there, back;
    ck_ring_buffer_t there_slots[RING], back_slots[RING];
    uint64_t n;
};

static void hit(ck_ring_t *ring, ck_ring_buffer_t *slots, void *ball)
{
    while (!ck_ring_enqueue_spsc(ring, slots, ball)) {
        ck_pr_stall();
    }
}

static void *receive(ck_ring_t *ring, ck_ring_buffer_t *slots)
{
    void *ball;
    for (unsigned spins = 1; !ck_ring_dequeue_spsc(ring, slots, &ball); spins++) {
        ck_pr_stall();
        if (spins % 4096 == 0) {
            sched_yield();
        }
    }
    return ball;
}

static void *return_balls(void *arg)
{
    struct court *court = arg;
    for (uint64_t i = 0; i < court->n; i++) {
        hit(&court->back, court->back_slots, receive(&court->there, court->there_slots));
    }
    return NULL;
}

static int measure_rings(struct bench_run *run, uint64_t n)
{
    static struct court court; /* one at a time: benchmarks are */
    pthread_t thread;
    memset(&court, 0, sizeof court);
    ck_ring_init(&court.there, RING);
    ck_ring_init(&court.back, RING);
    court.n = n;
    int rc = pthread_create(&thread, NULL, return_balls, &court);
    if (rc != 0) {
        return bench_error(run, "thread", -rc);
    }
    uint64_t start_ns = koken_now();
    for (uint64_t i = 0; i < n; i++) {
        hit(&court.there, court.there_slots, &court);
        (void)receive(&court.back, court.back_slots);
    }
    uint64_t end_ns = koken_now();
    pthread_join(thread, NULL);
    bench_report(run, "cross-ring", (double)(end_ns - start_ns) / (double)(2 * n), "ns");
    return 0;
}

int bench_cross(struct bench_run *run, unsigned arg)
{
    (void)arg;
    uint64_t n = bench_size(run, 500000);
    int rc = measure_agents(run, n);
    return rc == 0 ? measure_rings(run, n) : rc;
}
