/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filterbank: a source feeds 8 channels; in each, samples pass two FIR filters of 1024 taps with a
 * decimation by 8 between; a combiner adds the channels up. 34 816 samples (the suite's count; the
 * suite's filters have 16 384 taps, which would measure multiplication only). Integers that wrap,
 * so the answer is exact and is compared with the same computation done in one loop, not timed.
 * Figure: milliseconds.
 *
 * Stages are fibers, their mailboxes park the sender when full: a pipeline without cycles.
 */
#include "bench/bench.h"
#include "bench/registry.h"

#include <errno.h>
#include <stdlib.h>

enum { CHANNELS = 8, TAPS = 1024, DECIMATION = 8 };

KOKEN_MESSAGE(fb_sample, {
    uint64_t value;
    uint64_t channel;
});

struct fir {
    uint32_t coefficient[TAPS];
    uint32_t ring[TAPS];
    uint64_t count; /* samples seen */
};

static struct fir *new_fir(uint64_t channel, uint64_t stage)
{
    struct fir *fir = calloc(1, sizeof *fir);
    for (uint64_t i = 0; fir != NULL && i < TAPS; i++) {
        fir->coefficient[i] =
            (uint32_t)(channel * TAPS + i * CHANNELS + channel + i + stage * (i + 1));
    }
    return fir;
}

/* The ring is read in two runs, without a modulo per tap. */
static uint32_t filter(struct fir *fir, uint32_t sample)
{
    uint64_t head = fir->count % TAPS;
    uint32_t sum = 0;
    fir->ring[head] = sample;
    fir->count++;
    for (uint64_t i = 0; i <= head; i++) {
        sum += fir->coefficient[head - i] * fir->ring[i];
    }
    for (uint64_t i = head + 1; i < TAPS; i++) {
        sum += fir->coefficient[head + TAPS - i] * fir->ring[i];
    }
    return sum;
}

struct stage {
    koken_ref next;
    uint64_t channel;
    uint64_t number; /* 0 before the decimation, 1 after */
    uint64_t count;  /* samples that will come */
};

static int run_stage(koken_ctx *ctx, const struct stage *self, struct fir *fir)
{
    for (uint64_t i = 0; i < self->count; i++) {
        struct koken_received msg;
        int rc = koken_receive(ctx, KOKEN_S(60), &msg);
        if (rc < 0) {
            return rc;
        }
        uint32_t value = filter(fir, (uint32_t)((const struct fb_sample *)msg.payload)->value);
        if (self->number == 0 && i % DECIMATION != 0) {
            continue;
        }
        rc = koken_signal(self->next, fb_sample, .value = value, .channel = self->channel);
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
    struct fir *fir = new_fir(self->channel, self->number);
    int rc = fir == NULL ? -ENOMEM : run_stage(ctx, self, fir);
    free(fir);
    return rc;
}

KOKEN_FIBER(stage, struct bench_none, stage_body);

struct feeder {
    koken_ref channel[CHANNELS];
    uint64_t count;
};

static int feeder_body(koken_ctx *ctx, struct bench_none *state, const void *arg)
{
    (void)state;
    const struct feeder *self = arg;
    struct bench_more begin; /* from the combiner, who must wait for the answer first */
    int rc = koken_receive_only(ctx, KOKEN_S(60), bench_more, &begin);
    for (uint64_t i = 0; rc == 0 && i < self->count; i++) {
        for (unsigned c = 0; rc == 0 && c < CHANNELS; c++) {
            rc = koken_signal(self->channel[c], fb_sample, .value = i % 10000, .channel = c);
        }
    }
    return rc;
}

KOKEN_FIBER(feeder, struct bench_none, feeder_body);

struct combiner {
    koken_claim claim;
    uint64_t left;
    uint64_t sum;
    uint64_t end_ns;
};

static int on_sample(koken_ctx *ctx, struct combiner *self, const struct fb_sample *msg)
{
    (void)ctx;
    self->sum += msg->value * (msg->channel + 1);
    self->left--;
    return self->left == 0 ? bench_answer(self->claim, self->sum) : 0;
}

static int on_go(koken_ctx *ctx, struct combiner *self, const struct bench_go *msg)
{
    self->claim = koken_defer(ctx);
    return koken_signal(msg->to, bench_more);
}

KOKEN_AGENT(combiner, struct combiner, KOKEN_ON(fb_sample, on_sample), KOKEN_ON(bench_go, on_go));

static uint64_t expected_sum(uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t c = 0; c < CHANNELS; c++) {
        struct fir *first = new_fir(c, 0);
        struct fir *second = new_fir(c, 1);
        for (uint64_t i = 0; first != NULL && second != NULL && i < count; i++) {
            uint32_t value = filter(first, (uint32_t)(i % 10000));
            sum += i % DECIMATION == 0 ? filter(second, value) * (c + 1) : 0;
        }
        free(first);
        free(second);
    }
    return sum;
}

static koken_ref spawn_channel(struct koken *rt, koken_ref end, uint64_t channel, uint64_t count)
{
    struct stage second = {end, channel, 1, (count + DECIMATION - 1) / DECIMATION};
    koken_ref after = koken_spawn(rt, stage, .arg = &second, .arg_size = sizeof second,
                                  .policy = KOKEN_POLICY_PARK);
    struct stage first = {after, channel, 0, count};
    return koken_spawn(rt, stage, .arg = &first, .arg_size = sizeof first,
                       .policy = KOKEN_POLICY_PARK);
}

int bench_filterbank(struct bench_run *run, unsigned arg)
{
    (void)arg;
    struct koken *rt;
    int rc = bench_begin(run, &rt);
    if (rc < 0) {
        return rc;
    }
    uint64_t n = bench_size(run, 34816);
    struct combiner state = {.left = CHANNELS * ((n + DECIMATION - 1) / DECIMATION)};
    struct feeder feeder_state = {.count = n};
    struct bench_done done;
    uint64_t start_ns = koken_now();
    koken_ref end = koken_spawn(rt, combiner, .arg = &state, .policy = KOKEN_POLICY_PARK);
    for (uint64_t c = 0; c < CHANNELS; c++) {
        feeder_state.channel[c] = spawn_channel(rt, end, c, n);
    }
    koken_ref feed = koken_spawn(rt, feeder, .arg = &feeder_state, .arg_size = sizeof feeder_state);
    rc = bench_ask(run, rt, end, n, feed, &done);
    if (rc == 0) {
        rc = bench_check(run, "sum", expected_sum(n), done.value);
    }
    if (rc == 0) {
        bench_report(run, "filterbank", (double)(done.end_ns - start_ns) / 1e6, "ms");
    }
    return bench_end(run, rt, rc);
}
