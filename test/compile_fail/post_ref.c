/* SPDX-License-Identifier: Apache-2.0 */
// expect: is not sendable: only iso and val cross agents
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity), (iso, leg, inner));

void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t);
void use(koken_ref to, leg_iso i, leg_val v, leg_ref r, leg_tag t)
{
    (void)to, (void)&i, (void)&v, (void)&r, (void)&t;
#ifdef CONTROL
    koken_post(to, i);
#else
    koken_post(to, r);
#endif
}
