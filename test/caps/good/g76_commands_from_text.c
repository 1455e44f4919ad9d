/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a shared line of text is split into words, copied, and becomes orders */
#include "market.h"

struct parser {
    koken_ref exchange;
    long orders, bad;
};

/* Copies the word at *at into ret_word and steps over it. False: there is none. */
static bool next_word(const struct text *t, int *at, char *ret_word, int room)
{
    int used = 0;
    while (*at < t->length && t->letters[*at] == ' ') {
        (*at)++;
    }
    while (*at < t->length && t->letters[*at] != ' ') {
        if (used < room - 1) {
            ret_word[used++] = t->letters[*at];
        }
        (*at)++;
    }
    ret_word[used] = '\0';
    return used > 0;
}

static int submit(struct parser *self, const char *symbol, long quantity)
{
    if (quantity <= 0) {
        self->bad++;
        return -EINVAL;
    }
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return -ENOMEM;
    }
    KOKEN_WITH(p, o)
    {
        p->id = ++self->orders;
        p->quantity = quantity;
        strncpy(p->symbol, symbol, sizeof p->symbol - 1);
    }
    koken_post(self->exchange, o);
    return 0;
}

static int on_text(koken_ctx *ctx, struct parser *self, struct text_val *msg)
{
    (void)ctx;
    char symbol[8], number[8];
    int at = 0, rc = 0;
    koken_val(text, t) = koken_take(*msg);
    while (rc == 0 && next_word(koken_get(t), &at, symbol, sizeof symbol) &&
           next_word(koken_get(t), &at, number, sizeof number)) {
        rc = submit(self, symbol, strtol(number, NULL, 10));
    }
    koken_drop(t);
    return rc == -ENOMEM ? rc : 0;
}

int main(void)
{
    const char line[] = "ACME 10 ZINC 20 IRON 0";
    koken_ref sink = market_sink();
    koken_ref parsers[2];
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    memcpy(koken_mut(t)->letters, line, sizeof line);
    koken_mut(t)->length = (int)sizeof line - 1;
    koken_val(text, v) = koken_freeze(t);
    for (int i = 0; i < 2; i++) {
        parsers[i] = market_spawn(parser, text_val, on_text);
        struct parser *parser = market_state(parsers[i]);
        parser->exchange = sink;
        if (koken_share(parsers[i], v) < 0) {
            break;
        }
    }
    koken_drop(v);
    return market_run();
}
