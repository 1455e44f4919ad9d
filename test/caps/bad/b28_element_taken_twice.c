/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: one element of an array of isos taken and sent twice */
/* CLASS: double-send */
#include "market.h"

struct lots {
    order_iso at[4];
};

static void trade(koken_ref risk, koken_ref exch)
{
    struct lots lots = {0};
    int i = 1;
    int j = 1;
    for (int k = 0; k < 4; k++) {
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return;
        }
        koken_put(lots.at[k], o);
    }
    koken_iso(order, a) = koken_take(lots.at[i]);
    koken_post(risk, a);
    koken_iso(order, b) = koken_take(lots.at[j]); /* BAD */
    koken_post(exch, b);                          /* BAD */
    for (int k = 0; k < 4; k++) {
        if (koken_has(lots.at[k])) {
            koken_iso(order, c) = koken_take(lots.at[k]);
            koken_post(risk, c);
        }
    }
}

int main(void)
{
    trade(market_sink(), market_sink());
    return market_run();
}
