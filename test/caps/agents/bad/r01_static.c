/* SPDX-License-Identifier: Apache-2.0 */
/* Two agents count in one static variable, and no message goes between them. */
#include "../run.h"

KOKEN_EVENT(count);

static long counted;

struct counter {
    int nothing;
};

static int on_count(koken_ctx *ctx, struct counter *self, const struct count *msg)
{
    (void)ctx;
    (void)self;
    (void)msg;
    counted++;
    return 0;
}

KOKEN_AGENT(counter, struct counter, KOKEN_ON(count, on_count));

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref one = koken_spawn(rt, counter), two = koken_spawn(rt, counter);

    MUST(koken_signal(one, count));
    MUST(koken_signal(two, count));
    return finish(rt);
}
