/* SPDX-License-Identifier: Apache-2.0 */
// expect: other writable aliases may exist
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity), (iso, leg, inner));

void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t);
void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t)
{
    (void)to, (void)&i, (void)&v, (void)&r, (void)&t;
#ifdef CONTROL
    koken_val(leg, f) = koken_freeze(i);
    koken_drop(f);
#else
    koken_val(leg, f) = koken_freeze(r);
    koken_drop(f);
#endif
}
