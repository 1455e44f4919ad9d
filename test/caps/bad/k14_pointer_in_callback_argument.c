/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a borrowed pointer in the context of a later call */
/* CLASS: borrow-escape */
#include "market.h"

struct job {
    long (*run)(const long *price);
    const long *price;
};

static long twice(const long *price)
{
    return 2 * *price;
}

static void trade(koken_ref risk)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    struct job job = {twice, &koken_get(o)->price};
    koken_post(risk, o);
    market_use(job.run(job.price)); /* BAD */
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
