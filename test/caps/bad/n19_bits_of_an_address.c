/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an address in a bit field of a payload */
/* CLASS: smuggle */
#include "market.h"

KOKEN_PAYLOAD(note, (plain, uint64_t, where));
struct packed {
    uint64_t kind : 16;
    uint64_t where : 48;
};

static void trade(koken_ref risk)
{
    struct packed packed = {0};
    koken_iso(note, n) = koken_new(note);
    if (koken_none(n)) {
        return;
    }
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        koken_drop(n);
        return;
    }
    packed.where = (uint64_t)(uintptr_t)koken_get(o); /* BAD */
    memcpy(&koken_mut(n)->where, &packed, sizeof packed);
    koken_post(risk, o);
    memcpy(&packed, &koken_get(n)->where, sizeof packed);
    const struct order *at = (const struct order *)(uintptr_t)packed.where; /* BAD */
    market_use(at->id);
    koken_drop(n);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
