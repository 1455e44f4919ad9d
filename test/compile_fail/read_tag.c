/* SPDX-License-Identifier: Apache-2.0 */
// expect: is a tag: identity only
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity), (iso, leg, inner));

void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t);
void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t)
{
    (void)to, (void)&i, (void)&v, (void)&r, (void)&t;
#ifdef CONTROL
    (void)koken_same(t, i);
#else
    (void)koken_get(t)->quantity;
#endif
}
