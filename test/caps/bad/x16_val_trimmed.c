/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: a frozen text is trimmed in place, through what strchr answers for a const string */
/* CLASS: write-val */
#include "market.h"

struct reader {
    long letters;
    long words;
};

/* Cuts off what follows the first blank. */
static size_t trim(const struct text *t)
{
    char *blank = strchr(t->letters, ' ');
    if (blank != NULL) {
        *blank = '\0'; /* BAD */
    }
    return strlen(t->letters);
}

static int on_text(koken_ctx *ctx, struct reader *self, struct text_val *msg)
{
    (void)ctx;
    koken_val(text, t) = koken_take(*msg);
    self->letters += (long)trim(koken_get(t));
    self->words++;
    koken_drop(t);
    return 0;
}

int main(void)
{
    const char *lines[] = {"buy 100 ACME", "sell 20 ZINC", "halt"};
    koken_ref readers[2];
    for (int i = 0; i < 2; i++) {
        readers[i] = market_spawn(reader, text_val, on_text);
    }
    for (int i = 0; i < 3; i++) {
        koken_iso(text, t) = koken_new(text);
        if (koken_none(t)) {
            return 1;
        }
        strncpy(koken_mut(t)->letters, lines[i], sizeof koken_mut(t)->letters - 1);
        koken_mut(t)->length = (int)strlen(lines[i]);
        koken_val(text, v) = koken_freeze(t);
        if (koken_share(readers[0], v) < 0) {
            koken_drop(v);
            return 1;
        }
        koken_post(readers[1], v);
    }
    return market_run();
}
