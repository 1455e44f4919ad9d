/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a thread works on the state of an agent */
/* CLASS: foreign-state */
#include "market.h"

#include <pthread.h>

static void *work(void *arg)
{
    ((struct desk *)arg)->count++;
    return NULL;
}

static int on_order(koken_ctx *ctx, struct desk *self, struct order_iso *msg)
{
    pthread_t thread;
    (void)ctx;
    (void)msg;
    if (pthread_create(&thread, NULL, work, self) != 0) { /* BAD */
        return -EAGAIN;
    }
    self->count++;
    pthread_join(thread, NULL);
    return 0;
}

int main(void)
{
    market_feed(market_spawn(desk, order_iso, on_order), 1);
    return market_run();
}
