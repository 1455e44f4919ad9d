/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a message that nothing checks says why */
/* CLASS: trusted */
#include "market.h"

KOKEN_MESSAGE_TRUSTED(look, { const long *price; }); /* BAD */

struct trader {
    long seen;
};

static int on_look(koken_ctx *ctx, struct trader *self, struct look *msg)
{
    (void)ctx;
    self->seen = *msg->price;
    return 0;
}

int main(void)
{
    long price = 1;

    (void)koken_signal(market_spawn(trader, look, on_look), look, .price = &price);
    return market_run();
}
