/* SPDX-License-Identifier: Apache-2.0 */
// expect: is not a val: an iso is sent, not shared
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity), (iso, leg, inner));

void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t);
void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t)
{
    (void)to, (void)&i, (void)&v, (void)&r, (void)&t;
#ifdef CONTROL
    (void)!koken_share(to, v);
#else
    (void)!koken_share(to, i);
#endif
}
