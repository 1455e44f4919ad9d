/* SPDX-License-Identifier: Apache-2.0 */
/* Agents are born from handlers with what their makers wrote, live in places where others did, and end. */
#include "../run.h"

KOKEN_MESSAGE(go, { int left; });

struct heir {
    long numbers[4];
    int *written; /* by its maker, before the birth */
};

static koken_ref successor(koken_ctx *ctx, const struct heir *self);

static int on_go(koken_ctx *ctx, struct heir *self, const struct go *msg)
{
    self->numbers[1] += *self->written;
    if (!msg->left) {
        free(self->written);
        return KOKEN_STOP;
    }
    *self->written += 1;
    int rc = koken_signal(successor(ctx, self), go, .left = msg->left - 1);
    return rc < 0 ? rc : KOKEN_STOP;
}

KOKEN_AGENT(heir, struct heir, KOKEN_ON(go, on_go));

static koken_ref successor(koken_ctx *ctx, const struct heir *self)
{
    /* trusted: the maker ends with this message */
    return koken_spawn(ctx, heir, KOKEN_ARG_TRUSTED(*self));
}

int main(void)
{
    struct koken *rt = one_worker();

    for (int i = 0; i < 4; i++) {
        int *written = malloc(sizeof *written);
        if (!written) {
            return 2;
        }
        *written = i;
        /* trusted: forgotten here */
        koken_ref first = koken_spawn(rt, heir, KOKEN_ARG_TRUSTED(((struct heir){{0}, written})));
        MUST(koken_signal(first, go, .left = 300));
    }
    return finish(rt);
}
