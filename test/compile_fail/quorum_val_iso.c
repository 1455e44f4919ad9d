/* SPDX-License-Identifier: Apache-2.0 */
// expect: is not a val: what many are asked nobody may write; freeze it first
#include <koken.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

int use(struct koken *rt, const koken_ref *who, struct koken_quorum **vote, leg_val v, leg_iso i);
int use(struct koken *rt, const koken_ref *who, struct koken_quorum **vote, leg_val v, leg_iso i)
{
    (void)v.ptr_, (void)i.ptr_;
#ifdef CONTROL
    return koken_quorum_val(rt, who, 3, KOKEN_S(1), NULL, vote, v);
#else
    return koken_quorum_val(rt, who, 3, KOKEN_S(1), NULL, vote, i);
#endif
}
