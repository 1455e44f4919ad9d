/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms have one writer: this agent. It sends to nobody but who asks, so that whoever waits
 * for room in its mailbox waits for a handler of a few nanoseconds, never for a circle.
 */
#include "gauge.h"

#include "messages.h"

#include <errno.h>

struct gauge {
    struct koken_histogram latencies[LATENCY_COUNT_];
};

static int on_sample(koken_ctx *ctx, struct gauge *self, const struct sample *sample)
{
    (void)ctx;
    koken_histogram_record(&self->latencies[sample->kind], sample->ns);
    return 0;
}

static int on_question(koken_ctx *ctx, struct gauge *self, const struct latency_question *question)
{
    const struct koken_histogram *latency = &self->latencies[question->kind];

    if (question->kind >= LATENCY_COUNT_) {
        return -EINVAL;
    }
    return koken_reply(ctx, latency_answer, .count = koken_histogram_count(latency),
                       .p50 = koken_histogram_quantile(latency, 0.5),
                       .p99 = koken_histogram_quantile(latency, 0.99),
                       .p999 = koken_histogram_quantile(latency, 0.999),
                       .max = koken_histogram_max(latency));
}

KOKEN_AGENT(gauge, struct gauge, KOKEN_ON(sample, on_sample),
            KOKEN_ON(latency_question, on_question));

int gauge_open(struct koken *rt, uint32_t capacity, koken_ref *ret_gauge)
{
    return koken_try_spawn(rt, ret_gauge, gauge, .capacity = capacity, .high = capacity,
                           .policy = KOKEN_POLICY_PARK);
}
