/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an iso forged over a local variable */
/* CLASS: stack-share */
#include "market.h"

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    struct order local = {.price = 5};
    order_iso o = {.ptr_ = &local}; /* BAD */
    koken_post(risk, o);            /* BAD */
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
