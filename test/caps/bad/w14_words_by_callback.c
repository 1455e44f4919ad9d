/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a callback keeps the longest word that it was shown */
/* CLASS: borrow-escape */
#include "market.h"

typedef void on_word(void *user, const char *word, size_t length);

struct longest {
    const char *word;
    size_t length;
};

static void keep_longest(void *user, const char *word, size_t length)
{
    struct longest *longest = user;

    if (length > longest->length) {
        longest->word = word; /* BAD */
        longest->length = length;
    }
}

static void each_word(const struct text *text, on_word *call, void *user)
{
    const char *at = text->letters;

    while (*at != 0) {
        const size_t length = strcspn(at, " ");
        call(user, at, length);
        at += length + (at[length] == ' ');
    }
}

static int on_text(koken_ctx *ctx, struct desk *self, struct text_iso *msg)
{
    (void)ctx;
    struct longest longest = {NULL, 0};
    koken_iso(text, t) = koken_take(*msg);
    each_word(koken_get(t), keep_longest, &longest);
    koken_drop(t);
    self->count += longest.length > 0 ? longest.word[0] : 0; /* BAD */
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, text_iso, on_text);
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    strcpy(koken_mut(t)->letters, "to be or not");
    koken_post(desk, t);
    return market_run();
}
