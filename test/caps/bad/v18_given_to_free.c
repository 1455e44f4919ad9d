/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order is given to free, by a list of what is to be freed */
/* CLASS: free */
#include "market.h"

struct garbage {
    void *at[4];
    size_t count;
};

static void later(struct garbage *garbage, void *memory)
{
    garbage->at[garbage->count++] = memory;
}

static void collect(struct garbage *garbage)
{
    while (garbage->count > 0) {
        free(garbage->at[--garbage->count]); /* BAD */
    }
}

static void trade(koken_ref venue)
{
    struct garbage garbage = {.count = 0};
    char *line = malloc(16);
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        free(line);
        return;
    }
    later(&garbage, line);
    later(&garbage, koken_mut(o));
    koken_post(venue, o);
    collect(&garbage);
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
