/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a scanner keeps its place in a text from one message to the next */
/* CLASS: borrow-escape */
#include "market.h"

KOKEN_STATE(scanner, (val, text, line), (own, const char *, at), (plain, long, words));

static void scan_from(struct scanner *self, const char *from)
{
    self->at = from;
}

static int on_text(koken_ctx *ctx, struct scanner *self, struct text_val *msg)
{
    (void)ctx;
    if (self->at != NULL) {
        self->words += *self->at == ' '; /* BAD: of the last text, which has been given back */
    }
    koken_val(text, t) = koken_take(*msg);
    scan_from(self, koken_get(t)->letters + koken_get(t)->length);
    koken_drop(t);
    return 0;
}

int main(void)
{
    koken_ref scanner = market_spawn(scanner, text_val, on_text);
    for (int i = 0; i < 2; i++) {
        koken_iso(text, t) = koken_new(text);
        if (koken_none(t)) {
            return 1;
        }
        koken_mut(t)->length = i;
        koken_val(text, v) = koken_freeze(t);
        koken_post(scanner, v);
    }
    return market_run();
}
