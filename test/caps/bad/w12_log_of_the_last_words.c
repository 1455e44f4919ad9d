/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a log keeps the words of the last texts */
/* CLASS: borrow-escape */
#include "market.h"

struct entry {
    const char *words;
    int length;
};

struct log {
    struct entry entry[8];
    unsigned count;
};

static int on_text(koken_ctx *ctx, struct log *self, struct text_iso *msg)
{
    (void)ctx;
    koken_iso(text, t) = koken_take(*msg);
    struct entry *entry = &self->entry[self->count++ % 8];
    entry->words = &koken_get(t)->letters[0];
    entry->length = koken_get(t)->length;
    koken_post(market_first(), t);
    for (unsigned i = 0; i < self->count && i < 8; i++) {
        market_use(self->entry[i].words[0]); /* BAD */
    }
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref log = market_spawn(log, text_iso, on_text);
    (void)sink;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    koken_post(log, t);
    return market_run();
}
