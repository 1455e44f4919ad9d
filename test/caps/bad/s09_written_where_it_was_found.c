/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a comma in a val is found by a search, and written over */
/* CLASS: write-val */
#include "market.h"

static int on_text(koken_ctx *ctx, struct desk *self, struct text_val *msg)
{
    (void)ctx;
    *strchr(koken_peek(*msg)->letters, ',') = 0; /* BAD */
    self->count++;
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, text_val, on_text);
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    strcpy(koken_mut(t)->letters, "a,b");
    koken_val(text, v) = koken_freeze(t);
    koken_post(desk, v);
    return market_run();
}
