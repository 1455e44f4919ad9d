/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a part that has been sent is asked for memory of its region */
/* CLASS: use-after-send */
#include "market.h"

static void trade(koken_ref risk)
{
    koken_iso(order, root) = koken_new_region(order);
    if (koken_none(root)) {
        return;
    }
    koken_post(risk, root);
    koken_iso(leg, late) = koken_new_in(leg, root); /* BAD */
    if (koken_none(late)) {
        return;
    }
    koken_drop(late);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
