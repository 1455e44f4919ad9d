/* SPDX-License-Identifier: Apache-2.0 */
// expect: is not sendable: only iso and val cross agents
#include <koken.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

int use(struct koken_channel *channel, leg_iso i, leg_ref r);
int use(struct koken_channel *channel, leg_iso i, leg_ref r)
{
    (void)i.ptr_, (void)r.ptr_;
#ifdef CONTROL
    return koken_channel_give(channel, KOKEN_S(1), i);
#else
    return koken_channel_give(channel, KOKEN_S(1), r);
#endif
}
