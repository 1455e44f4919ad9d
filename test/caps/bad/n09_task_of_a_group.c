/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a task of a group works on an order that was sent meanwhile */
/* CLASS: borrow-escape */
#include "market.h"

struct job {
    int (*run)(void *arg);
    void *arg;
};

static int fill(void *arg)
{
    struct order *order = arg;
    order->quantity = 0;
    return 0;
}

static void trade(koken_ref risk)
{
    struct job jobs[4];
    int count = 0;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    jobs[count++] = (struct job){fill, koken_mut(o)};
    koken_post(risk, o);
    while (count > 0) {
        count--;
        market_use(jobs[count].run(jobs[count].arg)); /* BAD */
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
