/* SPDX-License-Identifier: Apache-2.0 */
// expect: is not sendable: only iso and val cross agents
#include <koken.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));
KOKEN_MESSAGE(number, { long value; });

int use(struct koken *rt, koken_ref who, struct number *number, leg_iso i, leg_ref r);
int use(struct koken *rt, koken_ref who, struct number *number, leg_iso i, leg_ref r)
{
    (void)i.ptr_, (void)r.ptr_;
#ifdef CONTROL
    return koken_await_given(rt, who, KOKEN_S(1), number, i);
#else
    return koken_await_given(rt, who, KOKEN_S(1), number, r);
#endif
}
