/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a return out of a borrow, behind the back of the order */
/* CLASS: leak */
#include "market.h"

static int check(order_iso o, koken_ref risk)
{
    koken_owned(o);
    KOKEN_WITH(p, o)
    {
        if (p->price > market_limit()) {
            return -ERANGE; /* BAD: o is not given back */
        }
        p->quantity = 1;
    }
    koken_post(risk, o);
    return 0;
}

static void trade(koken_ref risk)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 1000;
    market_use(check(koken_move(o), risk));
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
