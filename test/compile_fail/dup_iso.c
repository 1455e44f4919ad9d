/* SPDX-License-Identifier: Apache-2.0 */
// expect: only a val may have a second owner
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity), (iso, leg, inner));

void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t);
void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t)
{
    (void)to, (void)&i, (void)&v, (void)&r, (void)&t;
#ifdef CONTROL
    koken_val(leg, f) = koken_dup(v);
    koken_drop(f);
#else
    koken_iso(leg, f) = koken_dup(i);
    koken_drop(f);
#endif
}
