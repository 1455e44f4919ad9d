/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an undo log keeps copies of the entries of a document */
/* CLASS: alias-iso */
#include "market.h"

struct line {
    text_iso text;
    int number;
};

struct document {
    struct line now;
    struct line undo[4];
    int steps;
};

static void edit(struct document *self, const char *letters)
{
    self->undo[self->steps++ % 4] = self->now; /* BAD */
    self->now.number++;
    if (koken_has(self->now.text)) {
        strncpy(koken_poke(self->now.text)->letters, letters, 23);
    }
}

static int on_text(koken_ctx *ctx, struct document *self, struct text_iso *msg)
{
    (void)ctx;
    if (!koken_has(self->now.text)) {
        koken_iso(text, t) = koken_take(*msg);
        koken_put(self->now.text, t);
        return 0;
    }
    edit(self, koken_peek(*msg)->letters);
    koken_iso(text, now) = koken_take(self->now.text);
    koken_post(market_first(), now);
    market_use(koken_peek(self->undo[0].text)->letters[0]); /* BAD */
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref document = market_spawn(document, text_iso, on_text);
    (void)sink;
    for (int i = 0; i < 2; i++) {
        koken_iso(text, t) = koken_new(text);
        if (koken_none(t)) {
            return 1;
        }
        koken_post(document, t);
    }
    return market_run();
}
