/* SPDX-License-Identifier: Apache-2.0 */
/* Two fiber agents add to one number, each between two sleeps. */
#include "../run.h"

static long total;

static int adder_body(koken_ctx *ctx, void *self, const void *arg)
{
    int rc = koken_sleep(ctx, KOKEN_MS(1));
    (void)self;
    (void)arg;
    total++;
    return rc < 0 ? rc : koken_sleep(ctx, KOKEN_MS(1));
}

KOKEN_FIBER(adder, char, adder_body);

int main(void)
{
    struct koken *rt = one_worker();

    (void)koken_spawn(rt, adder);
    (void)koken_spawn(rt, adder);
    let_pass(rt);
    return finish(rt);
}
