/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: words are appended to a text that is a val */
/* CLASS: write-val */
#include "market.h"

static void decorate(char *letters, size_t room, const char *words)
{
    strncat(letters, words, room - strlen(letters) - 1);
}

static int on_text(koken_ctx *ctx, struct desk *self, struct text_val *msg)
{
    (void)ctx;
    decorate((char *)(koken_peek(*msg)->letters), 24, "!"); /* BAD */
    self->count += koken_peek(*msg)->length;
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, text_val, on_text);
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    strcpy(koken_mut(t)->letters, "stop");
    koken_val(text, v) = koken_freeze(t);
    koken_post(desk, v);
    return market_run();
}
