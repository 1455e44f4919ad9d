/* SPDX-License-Identifier: Apache-2.0 */
// expect: cannot be taken out
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity), (iso, leg, inner));

void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t);
void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t)
{
    (void)to, (void)&i, (void)&v, (void)&r, (void)&t;
#ifdef CONTROL
    koken_iso(leg, l) = koken_take(koken_mut(i)->inner);
    koken_drop(l);
#else
    koken_iso(leg, l) = koken_take(koken_get(v)->inner);
    koken_drop(l);
#endif
}
