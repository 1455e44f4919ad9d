/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is frozen when it is final, and numbered in any case */
/* CLASS: use-after-freeze */
#include "market.h"

static int settle(koken_ref tape, order_iso o, int is_final, long number)
{
    koken_owned(o);
    int rc = 0;

    if (is_final) {
        koken_val(order, v) = koken_freeze(o);
        rc = koken_share(tape, v);
        koken_drop(v);
    }
    koken_mut(o)->id = number; /* BAD: if it was final */
    if (!is_final) {
        koken_post(tape, o);
    }
    return rc;
}

int main(void)
{
    koken_ref tape = market_sink();
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 1;
    }
    market_use(settle(tape, koken_move(o), 1, 7));
    return market_run();
}
