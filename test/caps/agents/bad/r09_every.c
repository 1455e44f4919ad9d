/* SPDX-License-Identifier: Apache-2.0 */
/* Two agents that their own clocks wake again and again share a number. */
#include "../run.h"

KOKEN_EVENT(go);
KOKEN_EVENT(tick);

static long ticks;

struct ticker {
    int count;
    koken_timer clock;
};

static int on_go(koken_ctx *ctx, struct ticker *self, const struct go *msg)
{
    (void)msg;
    self->clock = koken_every(ctx, KOKEN_MS(1), tick);
    return 0;
}

static int on_tick(koken_ctx *ctx, struct ticker *self, const struct tick *msg)
{
    (void)msg;
    if (++self->count == 3) {
        ticks++;
        return koken_cancel(ctx, self->clock) ? 0 : -1;
    }
    return 0;
}

KOKEN_AGENT(ticker, struct ticker, KOKEN_ON(go, on_go), KOKEN_ON(tick, on_tick));

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref one = koken_spawn(rt, ticker), two = koken_spawn(rt, ticker);

    MUST(koken_signal(one, go));
    MUST(koken_signal(two, go));
    let_pass(rt);
    return finish(rt);
}
