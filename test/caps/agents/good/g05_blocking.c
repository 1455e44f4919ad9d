/* SPDX-License-Identifier: Apache-2.0 */
/* A fiber lends its own memory to a blocking call, and has it back when that is over. */
#include "../run.h"

static int slow(void *arg)
{
    long *number = arg;
    return (int)++*number;
}

static int caller_body(koken_ctx *ctx, void *self, const void *arg)
{
    long number = 0;
    (void)self;
    (void)arg;
    for (int i = 0; i < 20; i++) {
        int value, rc = koken_blocking(ctx, slow, &number, &value);
        if (rc < 0) {
            return rc;
        }
        number--;
    }
    return (int)number;
}

KOKEN_FIBER(caller, char, caller_body);

int main(void)
{
    struct koken *rt = one_worker();

    for (int i = 0; i < 4; i++) {
        (void)koken_spawn(rt, caller);
    }
    return finish(rt);
}
