/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is parked in an atomic pointer */
/* CLASS: smuggle */
#include "market.h"
#include <stdatomic.h>

struct slot {
    _Atomic(struct order *) parked;
};

static void trade(koken_ref risk)
{
    struct slot slot;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    atomic_init(&slot.parked, koken_mut(o)); /* BAD */
    koken_post(risk, o);
    struct order *parked = atomic_load(&slot.parked);
    parked->price = 6; /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
