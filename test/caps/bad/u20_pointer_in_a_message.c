/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a message names a text by the address of its letters */
/* CLASS: nonsendable-field */
#include "market.h"

KOKEN_MESSAGE(shout, {
    int volume;
    const char *words;
});

static int on_text(koken_ctx *ctx, struct desk *self, struct text_iso *msg)
{
    (void)ctx;
    (void)koken_signal(market_first(), shout, .volume = 11, .words = koken_peek(*msg)->letters);
    self->count++;
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
    koken_post(desk, t);
    return market_run();
}
