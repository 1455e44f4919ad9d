/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a thread of its own works on an order that is sent meanwhile */
/* CLASS: borrow-escape */
#include "market.h"
#include <pthread.h>

static void *work(void *arg)
{
    struct order *order = arg;
    order->price++;
    return NULL;
}

static void trade(koken_ref risk)
{
    pthread_t thread;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return;
    }
    if (pthread_create(&thread, NULL, work, koken_mut(o)) != 0) {
        koken_drop(o);
        return;
    }
    pthread_join(thread, NULL);
    koken_post(risk, o);
    if (pthread_create(&thread, NULL, work, koken_mut(o)) == 0) { /* BAD */
        pthread_join(thread, NULL);
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
