/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: who gets it stands in the payload itself */
#include "market.h"

static void answer(order_iso o)
{
    koken_owned(o);
    koken_post(koken_get(o)->reply_to, o);
}

static void insist(order_iso o)
{
    koken_owned(o);
    if (koken_give(koken_get(o)->reply_to, o) != 0) {
        koken_drop(o);
    }
}

int main(void)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 1;
    }
    koken_mut(o)->reply_to = market_sink();
    koken_iso(order, p) = koken_clone(o);
    answer(koken_move(o));
    if (koken_none(p)) {
        return 1;
    }
    insist(koken_move(p));
    return market_run();
}
