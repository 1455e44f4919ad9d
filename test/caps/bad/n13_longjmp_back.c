/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a jump out of the future sends an order again */
/* CLASS: double-send */
#include "market.h"
#include <setjmp.h>

static void trade(koken_ref risk)
{
    jmp_buf again;
    volatile int tries = 0;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    (void)setjmp(again);
    koken_post(risk, o); /* BAD: the second time it is gone */
    if (tries++ == 0) {
        longjmp(again, 1);
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
