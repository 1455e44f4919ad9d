/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken_an_argument_holds_no_raw_pointer__use_koken_spawn_given_
#include <koken.h>

#ifdef CONTROL
typedef unsigned name;
#else
typedef const char *name;
#endif

/* Everything an argument may hold precedes the pointer. */
struct plan {
    char symbol[300];
    enum { PLAN_NONE, PLAN_SOME } which;
    struct {
        koken_ref to;
        double rate[2];
        name names[1];
    } part;
};
struct desk {
    long count;
};
int on_init(koken_ctx *ctx, struct desk *self, const void *arg);
KOKEN_AGENT(desk, struct desk, KOKEN_INIT(on_init));
KOKEN_AGENT(bare, struct plan);

koken_ref use(struct koken *rt, koken_ctx *ctx, const struct plan *plan);
koken_ref use(struct koken *rt, koken_ctx *ctx, const struct plan *plan)
{
    (void)koken_spawn(ctx, desk, KOKEN_ARG((struct desk){1}), .capacity = 4);
    (void)koken_spawn(ctx, desk, .capacity = 4, KOKEN_ARG((koken_ref){0}));
    return koken_spawn(rt, bare, KOKEN_ARG(*plan));
}
