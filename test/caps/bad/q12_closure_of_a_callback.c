/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an order in the context of a callback that runs after the send */
/* CLASS: borrow-escape */
#include "market.h"

struct closure {
    void (*call)(void *at);
    void *at;
};

static void clear(void *at)
{
    memset(at, 0, sizeof(struct leg));
}

static void later(struct closure *queue, int *count, void (*call)(void *), void *at)
{
    queue[(*count)++] = (struct closure){call, at};
}

static void trade(koken_ref risk)
{
    struct closure queue[2];
    int count = 0;
    koken_iso(leg, l) = koken_new(leg);
    if (koken_none(l)) {
        return;
    }
    later(queue, &count, clear, koken_mut(l));
    koken_val(leg, v) = koken_freeze(l);
    koken_post(risk, v);
    for (int i = 0; i < count; i++) {
        queue[i].call(queue[i].at); /* BAD */
    }
}

int main(void)
{
    trade(market_sink());
    return market_run();
}
