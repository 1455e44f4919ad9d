/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a cursor over a text is kept in the state, the text is not */
/* CLASS: borrow-escape */
#include "market.h"

struct cursor {
    const char *at, *end;
};

static struct cursor begin(const struct text *text)
{
    struct cursor cursor;

    cursor.at = text->letters;
    cursor.end = text->letters + text->length;
    return cursor;
}

static int next(struct cursor *cursor)
{
    return cursor->at < cursor->end ? *cursor->at++ : -1;
}

struct reader {
    struct cursor in;
    long sum;
};

static int on_text(koken_ctx *ctx, struct reader *self, struct text_iso *msg)
{
    (void)ctx;
    int letter;

    while ((letter = next(&self->in)) >= 0) { /* BAD: of the text before */
        self->sum += letter;
    }
    koken_iso(text, t) = koken_take(*msg);
    self->in = begin(koken_get(t));
    koken_post(market_first(), t);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref reader = market_spawn(reader, text_iso, on_text);
    (void)sink;
    for (int i = 0; i < 2; i++) {
        koken_iso(text, t) = koken_new(text);
        if (koken_none(t)) {
            return 1;
        }
        koken_mut(t)->length = 5;
        koken_post(reader, t);
    }
    return market_run();
}
