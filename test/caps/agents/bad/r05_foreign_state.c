/* SPDX-License-Identifier: Apache-2.0 */
/* A child is told where its parent's state is, and writes there. */
#include "../run.h"

KOKEN_EVENT(go);
KOKEN_EVENT(again);

struct child {
    long *of_parent;
};

static int on_child_go(koken_ctx *ctx, struct child *self, const struct go *msg)
{
    (void)ctx;
    (void)msg;
    *self->of_parent = 1;
    return 0;
}

KOKEN_AGENT(child, struct child, KOKEN_ON(go, on_child_go));

struct parent {
    long number;
};

static int on_go(koken_ctx *ctx, struct parent *self, const struct go *msg)
{
    /* trusted: the mistake that this program is about */
    koken_ref child =
        koken_spawn(ctx, child, KOKEN_ARG_TRUSTED(((struct child){.of_parent = &self->number})));
    int rc = koken_signal(child, go);
    (void)msg;
    return rc < 0 ? rc : koken_signal(koken_self(ctx), again);
}

static int on_again(koken_ctx *ctx, struct parent *self, const struct again *msg)
{
    (void)ctx;
    (void)msg;
    self->number++;
    return 0;
}

KOKEN_AGENT(parent, struct parent, KOKEN_ON(go, on_go), KOKEN_ON(again, on_again));

int main(void)
{
    struct koken *rt = one_worker();

    MUST(koken_signal(koken_spawn(rt, parent), go));
    return finish(rt);
}
