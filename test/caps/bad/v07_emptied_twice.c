/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a basket is emptied on the error path, and again at the end */
/* CLASS: double-drop */
#include "market.h"

struct basket {
    order_iso order;
    text_iso label;
};

static void empty_out(struct basket *basket)
{
    koken_iso(order, o) = koken_take(basket->order);
    koken_iso(text, t) = koken_take(basket->label);
    koken_drop(o);
    koken_drop(t);
}

static int fill(struct basket *basket, int fails)
{
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return -ENOMEM;
    }
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        koken_drop(o);
        return -ENOMEM;
    }
    koken_put(basket->order, o);
    koken_put(basket->label, t);
    if (fails) {
        empty_out(basket);
        return -EINVAL;
    }
    return 0;
}

int main(void)
{
    struct basket basket = {0};
    int rc = fill(&basket, 1);
    market_use(rc);
    empty_out(&basket); /* BAD */
    return market_run();
}
