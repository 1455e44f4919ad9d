/* SPDX-License-Identifier: Apache-2.0 */
// expect: this iso or val is gone already: it was sent, frozen, moved, put or dropped
#include <koken/give.h>

KOKEN_PAYLOAD(leg, (plain, long, quantity));

void use(koken_ref to);
void use(koken_ref to)
{
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        return;
    }
    koken_post(to, l);
#ifndef CONTROL
    koken_mut(l)->quantity = 1;
#endif
}
