/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: the words of a text are known by offset and length, and travel with it */
#include "market.h"

KOKEN_PAYLOAD(words, (array, int, at, 4), (array, int, length, 4), (plain, int, count),
              (val, text, of));

static void split(struct words *words, const struct text *text)
{
    int from = 0;

    for (int i = 0; i <= text->length && words->count < 4; i++) {
        if (i == text->length || text->letters[i] == ',') {
            words->at[words->count] = from;
            words->length[words->count++] = i - from;
            from = i + 1;
        }
    }
}

static int same(const struct words *words, int i, const char *what)
{
    const size_t size = strlen(what);

    return (int)size == words->length[i] &&
           memcmp(koken_peek(words->of)->letters + words->at[i], what, size) == 0;
}

static int on_words(koken_ctx *ctx, struct desk *self, struct words_iso *msg)
{
    (void)ctx;
    for (int i = 0; i < koken_peek(*msg)->count; i++) {
        self->count += same(koken_peek(*msg), i, "buy");
    }
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, words_iso, on_words);
    koken_iso(words, w) = koken_new(words);
    if (koken_none(w)) {
        return 1;
    }
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        koken_drop(w);
        return 1;
    }
    strcpy(koken_mut(t)->letters, "buy,100,acme");
    koken_mut(t)->length = 12;
    split(koken_mut(w), koken_get(t));
    koken_val(text, v) = koken_freeze(t);
    koken_put(koken_mut(w)->of, v);
    koken_post(desk, w);
    return market_run();
}
