/* SPDX-License-Identifier: Apache-2.0 */
// expect: handles order by int on_order(koken_ctx *, struct clerk *, const struct order *)
#include <koken.h>

KOKEN_MESSAGE(order, { int price; });
KOKEN_MESSAGE(cancel, { int price; });

struct clerk {
    int orders;
};

#ifdef CONTROL
static int on_order(koken_ctx *ctx, struct clerk *self, const struct order *msg)
#else
static int on_order(koken_ctx *ctx, struct clerk *self, const struct cancel *msg)
#endif
{
    (void)ctx;
    self->orders += msg->price;
    return 0;
}

KOKEN_AGENT(clerk, struct clerk, KOKEN_ON(order, on_order));

const struct koken_agent_type *const used = &koken_agent_clerk;
