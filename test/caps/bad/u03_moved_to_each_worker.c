/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: one job is handed to every worker */
/* CLASS: double-send */
#include "market.h"

struct pool {
    koken_ref worker[3];
    int next;
};

static void submit(struct pool *pool, order_iso job)
{
    koken_owned(job);
    koken_post(pool->worker[pool->next++ % 3], job);
}

static void everybody(struct pool *pool, order_iso job)
{
    koken_owned(job);
    for (int i = 0; i < 3; i++) {
        submit(pool, koken_move(job)); /* BAD: there is one */
    }
}

int main(void)
{
    struct pool pool = {.worker = {market_sink(), market_sink(), market_sink()}};
    koken_iso(order, job) = koken_new(order);
    if (koken_none(job)) {
        return 1;
    }
    everybody(&pool, koken_move(job));
    return market_run();
}
