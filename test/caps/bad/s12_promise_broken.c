/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a function that promises to give back what it is lent keeps it */
/* CLASS: borrow-escape */
#include "market.h"

struct memory {
    const long *seen;
};

static void look(struct memory *memory, const long *KOKEN_LENT price)
{
    memory->seen = price; /* BAD */
}

static void trade(koken_ref venue)
{
    struct memory memory;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    look(&memory, &koken_get(o)->price);
    koken_post(venue, o);
    market_use(*memory.seen); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
