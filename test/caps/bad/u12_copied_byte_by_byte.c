/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an envelope with an order in it is copied byte by byte, and both are sent */
/* CLASS: alias-iso */
#include "market.h"

struct envelope {
    order_iso order;
    koken_ref to;
};

static void copy_out(char *to, const char *from, size_t size)
{
    while (size-- > 0) {
        to[size] = from[size];
    }
}

static void dispatch(struct envelope *envelope)
{
    koken_iso(order, o) = koken_take(envelope->order);
    koken_mut(o)->price++;
    koken_post(envelope->to, o);
}

int main(void)
{
    struct envelope original = {.to = market_sink()};
    struct envelope carbon;
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return 1;
    }
    koken_put(original.order, o);
    copy_out((char *)&carbon, (const char *)&original, sizeof carbon); /* BAD */
    carbon.to = market_sink();
    dispatch(&original);
    dispatch(&carbon); /* BAD */
    return market_run();
}
