/* SPDX-License-Identifier: Apache-2.0 */
/* Two agents that only their own timers wake share a number. */
#include "../run.h"

KOKEN_EVENT(go);
KOKEN_EVENT(tick);

static long ticks;

struct ticker {
    int nothing;
};

static int on_go(koken_ctx *ctx, struct ticker *self, const struct go *msg)
{
    (void)self;
    (void)msg;
    return koken_after(ctx, KOKEN_MS(1), tick).id ? 0 : -1;
}

static int on_tick(koken_ctx *ctx, struct ticker *self, const struct tick *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    ticks++;
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
