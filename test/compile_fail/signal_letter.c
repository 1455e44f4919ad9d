/* SPDX-License-Identifier: Apache-2.0 */
// expect: holds iso or val handles: send it by koken_post, koken_give or
#include <koken.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));
KOKEN_LETTER(fill, (iso, leg, of), (plain, long, price));
KOKEN_LETTER(plain_fill, (plain, long, price));

int use(koken_ref to, leg_iso i);
int use(koken_ref to, leg_iso i)
{
    koken_owned(i);
#ifdef CONTROL
    koken_drop(i);
    return koken_signal(to, plain_fill, .price = 1);
#else
    return koken_signal(to, fill, .of = i);
#endif
}
