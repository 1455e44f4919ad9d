/* SPDX-License-Identifier: Apache-2.0 */
/*
 * radixsort: 100 000 numbers of 60 bits go through a pipeline of 60 agents, one per bit, lowest
 * first; each passes zeros on at once and keeps ones back until all numbers have come. About six
 * million messages. The end of the pipeline checks order, count and sum. Figure: milliseconds.
 *
 * Each stage may send 100 000 messages at once into a bounded mailbox. The plain way to write that
 * is a fiber and a receiver with the policy PARK: the stage waits inside koken_signal, its worker
 * goes on. A pipeline has no cycle, so nobody can wait for himself.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdlib.h>

enum { BITS = 60 };

KOKEN_MESSAGE(rs_value, { uint64_t value; });

struct stage {
    koken_ref next;
    uint64_t bit;
    uint64_t count;
};

static int receive_value(koken_ctx *ctx, uint64_t *ret_value)
{
    struct koken_received msg;
    int rc = koken_receive(ctx, KOKEN_S(60), &msg);
    if (rc < 0) {
        return rc;
    }
    *ret_value = ((const struct rs_value *)msg.payload)->value;
    return 0;
}

static int sort_one_bit(koken_ctx *ctx, const struct stage *self, uint64_t *kept)
{
    uint64_t kept_count = 0;
    for (uint64_t i = 0; i < self->count; i++) {
        uint64_t value;
        int rc = receive_value(ctx, &value);
        if (rc == 0 && (value >> self->bit & 1) == 1) {
            kept[kept_count++] = value;
        } else if (rc == 0) {
            rc = koken_signal(self->next, rs_value, .value = value);
        }
        if (rc < 0) {
            return rc;
        }
    }
    for (uint64_t i = 0; i < kept_count; i++) {
        int rc = koken_signal(self->next, rs_value, .value = kept[i]);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int stage_body(koken_ctx *ctx, struct bench_none *state, const void *arg)
{
    (void)state;
    const struct stage *self = arg;
    uint64_t *kept = malloc(self->count * sizeof *kept);
    int rc = kept == NULL ? -ENOMEM : sort_one_bit(ctx, self, kept);
    free(kept);
    return rc;
}

KOKEN_FIBER(stage, struct bench_none, stage_body);

struct feeder {
    koken_ref first;
    uint64_t count;
    uint64_t seed;
};

/* The numbers are a function of seed and place, so that the sum is known without keeping them. */
static uint64_t number(uint64_t seed, uint64_t place)
{
    uint64_t x = seed + (place + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (x ^ (x >> 31)) >> (64 - BITS);
}

static int feeder_body(koken_ctx *ctx, struct bench_none *state, const void *arg)
{
    (void)ctx;
    (void)state;
    const struct feeder *self = arg;
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < self->count; i++) {
        rc = koken_signal(self->first, rs_value, .value = number(self->seed, i));
    }
    return rc;
}

KOKEN_FIBER(feeder, struct bench_none, feeder_body);

struct judge {
    uint64_t left;
    uint64_t last;
    uint64_t sum;
    koken_claim claim;
};

static int on_go(koken_ctx *ctx, struct judge *self, const struct bench_go *msg)
{
    (void)msg;
    self->claim = koken_defer(ctx);
    return self->left == 0 ? bench_answer(self->claim, self->sum) : 0;
}

static int on_value(koken_ctx *ctx, struct judge *self, const struct rs_value *msg)
{
    (void)ctx;
    if (msg->value < self->last) {
        return -EPROTO;
    }
    self->last = msg->value;
    self->sum += msg->value;
    self->left--;
    return self->left == 0 && self->claim.number != 0 ? bench_answer(self->claim, self->sum) : 0;
}

KOKEN_AGENT(judge, struct judge, KOKEN_ON(bench_go, on_go), KOKEN_ON(rs_value, on_value));

int bench_radixsort(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 100000);
    struct judge judge_state = {.left = n};
    struct bench_done done;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        sum += number(bench_seed(run), i);
    }
    uint64_t start_ns = koken_now();
    koken_ref end = koken_spawn(rt, judge, .arg = &judge_state, .policy = KOKEN_POLICY_PARK);
    koken_ref next = end;
    for (uint64_t bit = BITS; bit > 0; bit--) {
        struct stage state = {next, bit - 1, n};
        next = koken_spawn(rt, stage, .arg = &state, .arg_size = sizeof state,
                           .policy = KOKEN_POLICY_PARK);
    }
    struct feeder feeder_state = {next, n, bench_seed(run)};
    koken_ref feed = koken_spawn(rt, feeder, .arg = &feeder_state, .arg_size = sizeof feeder_state);
    rc = koken_is_nobody(next) || koken_is_nobody(feed) ? bench_error(run, "spawn", -ENOMEM) : 0;
    if (rc == 0) {
        rc = bench_ask(run, rt, end, n, KOKEN_NOBODY, &done);
    }
    if (rc == 0) {
        rc = bench_check(run, "sum of the sorted numbers", sum, done.value);
    }
    if (rc == 0) {
        bench_report(run, "radixsort", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
