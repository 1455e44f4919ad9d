/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: the last messages are remembered by their addresses */
/* CLASS: borrow-escape */
#include "market.h"

KOKEN_MESSAGE(sample, { long value; });

struct window {
    const struct sample *last[4];
    unsigned count;
};

static void push(struct window *window, const struct sample *sample)
{
    window->last[window->count++ % 4] = sample;
}

static int on_sample(koken_ctx *ctx, struct window *self, struct sample *msg)
{
    (void)ctx;
    long sum = 0;

    for (unsigned i = 0; i < self->count && i < 4; i++) {
        sum += self->last[i]->value; /* BAD: those are the runtime's again */
    }
    market_use(sum);
    push(self, msg);
    return 0;
}

int main(void)
{
    koken_ref window = market_spawn(window, sample, on_sample);
    for (int i = 0; i < 3; i++) {
        (void)koken_signal(window, sample, .value = i);
    }
    return market_run();
}
