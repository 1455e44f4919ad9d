/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a handle passed through variable arguments */
/* CLASS: alias-iso */
#include "market.h"

#include <stdarg.h>

static void several(int count, ...)
{
    va_list args;
    va_start(args, count);
    order_iso h = va_arg(args, order_iso);
    koken_owned(h);
    koken_drop(h); /* BAD */
    va_end(args);
}

static void trade(koken_ref risk, koken_ref exch)
{
    (void)exch;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    koken_mut(o)->price = 100;
    several(1, o); /* BAD */
    koken_post(risk, o);
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
