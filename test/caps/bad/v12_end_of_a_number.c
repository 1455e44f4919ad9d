/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: where a number ends in a text is asked after the text was given back */
/* CLASS: borrow-escape */
#include "market.h"

static int on_text(koken_ctx *ctx, struct desk *self, struct text_iso *msg)
{
    (void)ctx;
    char *end;
    koken_iso(text, t) = koken_take(*msg);
    long number = strtol(koken_get(t)->letters, &end, 10);
    koken_post(market_first(), t);
    if (*end == ';') { /* BAD */
        self->count += number;
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref desk = market_spawn(desk, text_iso, on_text);
    (void)sink;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    strcpy(koken_mut(t)->letters, "42;");
    koken_post(desk, t);
    return market_run();
}
