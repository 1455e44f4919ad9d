/* SPDX-License-Identifier: Apache-2.0 */
// expect: koken_an_argument_holds_no_raw_pointer__use_koken_spawn_given_
#include <koken.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));
struct desk {
    long count;
};
int on_init(koken_ctx *ctx, struct desk *self, const void *arg);
KOKEN_AGENT(desk, struct desk, KOKEN_INIT(on_init));

koken_ref use(struct koken *rt, leg_iso leg);
koken_ref use(struct koken *rt, leg_iso leg)
{
    (void)leg.ptr_;
#ifdef CONTROL
    long number = 1;
    return koken_spawn(rt, desk, KOKEN_ARG(number));
#else
    return koken_spawn(rt, desk, KOKEN_ARG(leg));
#endif
}
