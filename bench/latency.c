/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latency: one agent sends to another at a fixed rate; the receiver takes the time. The sender
 * polls the clock and sends itself a message between, so that its worker stays free for others.
 *
 * Every message has a time at which it is due, fixed before the run. NAME-p50 and so on count from
 * the moment of sending, as the peers' programs do. NAME-due-p50 and so on count from the moment
 * the message was due: a stall that delays the sender too is charged to every message it delays (no
 * coordinated omission). A refused message (-EAGAIN) stays due and is sent again.
 *
 * latency-ext: the sender is a spinning thread outside the runtime, so each message comes in from
 * outside.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

KOKEN_MESSAGE(lat_mark, {
    uint64_t sent_ns;
    uint64_t due_ns;
});

struct marks {
    struct koken_histogram sent;
    struct koken_histogram due;
};

struct receiver {
    struct marks *marks;
    uint64_t left;
    koken_claim claim;
};

static int on_mark(koken_ctx *ctx, struct receiver *self, const struct lat_mark *msg)
{
    (void)ctx;
    uint64_t now_ns = koken_now();
    koken_histogram_record(&self->marks->sent, now_ns > msg->sent_ns ? now_ns - msg->sent_ns : 0);
    koken_histogram_record(&self->marks->due, now_ns > msg->due_ns ? now_ns - msg->due_ns : 0);
    self->left--;
    return self->left == 0 && self->claim.number != 0 ? bench_answer(self->claim, 0) : 0;
}

/* Sent by the one that waits for the end; passed on to the sender, if there is one. */
static int on_begin(koken_ctx *ctx, struct receiver *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    if (self->left == 0) {
        return bench_answer(self->claim, 0);
    }
    if (koken_is_nobody(msg->to)) {
        return 0;
    }
    return koken_signal(msg->to, bench_go, .n = msg->n, .to = koken_self(ctx));
}

KOKEN_AGENT(receiver, struct receiver, KOKEN_ON(lat_mark, on_mark), KOKEN_ON(bench_go, on_begin));

struct sender {
    koken_ref to;
    uint64_t step_ns;
    uint64_t due_ns;
    uint64_t left;
};

static int on_tick(koken_ctx *ctx, struct sender *self, const struct bench_more *msg)
{
    (void)msg;
    uint64_t now_ns = koken_now();
    if (now_ns >= self->due_ns) {
        int rc = koken_signal(self->to, lat_mark, .sent_ns = now_ns, .due_ns = self->due_ns);
        if (rc < 0 && rc != -EAGAIN) {
            return rc;
        }
        if (rc == 0) {
            self->due_ns += self->step_ns;
            self->left--;
        }
    }
    return self->left == 0 ? KOKEN_STOP : koken_signal(koken_self(ctx), bench_more);
}

static int on_go(koken_ctx *ctx, struct sender *self, const struct bench_go *msg)
{
    self->to = msg->to;
    self->left = msg->n;
    self->due_ns = koken_now();
    return koken_signal(koken_self(ctx), bench_more);
}

KOKEN_AGENT(sender, struct sender, KOKEN_ON(bench_more, on_tick), KOKEN_ON(bench_go, on_go));

static void report(struct bench_run *run, const char *name, const struct marks *marks)
{
    char due[32];
    snprintf(due, sizeof due, "%s-due", name);
    bench_report_latency(run, name, &marks->sent);
    bench_report_latency(run, due, &marks->due);
}

/* Spins outside; answers 0 or the error of a send. */
static int send_from_outside(koken_ref to, uint64_t count, uint64_t step_ns)
{
    uint64_t due_ns = koken_now();
    while (count > 0) {
        uint64_t now_ns = koken_now();
        if (now_ns < due_ns) {
            continue; /* ends when the time has come */
        }
        int rc = koken_signal(to, lat_mark, .sent_ns = now_ns, .due_ns = due_ns);
        if (rc == -EAGAIN) {
            continue; /* ends when the receiver has room; the message gets older meanwhile */
        }
        if (rc < 0) {
            return rc;
        }
        due_ns += step_ns;
        count--;
    }
    return 0;
}

static int measure_rate(struct bench_run *run, unsigned rate, bool is_outside, const char *name)
{
    struct koken *rt;
    struct marks *marks = calloc(1, sizeof *marks);
    if (marks == NULL) {
        return bench_error(run, "histograms", -ENOMEM);
    }
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        free(marks);
        return rc;
    }
    uint64_t n = bench_size(run, rate > 200000 ? rate : 200000);
    uint64_t step_ns = KOKEN_S(1) / rate;
    struct receiver state = {.marks = marks, .left = n};
    struct sender sender_state = {.step_ns = step_ns};
    struct bench_done done;
    koken_ref to = koken_spawn(rt, receiver, .arg = &state);
    if (is_outside) {
        rc = bench_error(run, "send from outside", send_from_outside(to, n, step_ns));
    }
    if (rc == 0) {
        koken_ref from = is_outside ? KOKEN_NOBODY : koken_spawn(rt, sender, .arg = &sender_state);
        rc = bench_ask(run, rt, to, n, from, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "messages", n, koken_histogram_count(&marks->sent));
    }
    if (rc == 0) {
        report(run, name, marks);
    }
    rc = bench_end(run, rt, rc);
    free(marks);
    return rc;
}

int bench_latency(struct bench_run *run, unsigned rate)
{
    return measure_rate(run, rate, /* is_outside= */ false,
                        rate == 1000000 ? "latency-1m" : "latency");
}

int bench_latency_ext(struct bench_run *run, unsigned arg)
{
    (void)arg;
    return measure_rate(run, 100000, /* is_outside= */ true, "latency-ext");
}
