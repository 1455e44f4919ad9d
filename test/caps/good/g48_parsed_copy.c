/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a text is parsed in a copy of its own, and formatted into a buffer by a helper */
#include "market.h"
#include <stdio.h>

static long parse(const struct text *text, char *symbol, size_t room)
{
    char line[32];
    long quantity = 0;

    snprintf(line, sizeof line, "%.*s", text->length, text->letters);
    char *comma = strchr(line, ',');
    if (comma != NULL) {
        *comma = '\0';
        quantity = strtol(comma + 1, NULL, 10);
    }
    snprintf(symbol, room, "%s", line);
    return quantity;
}

static char *format(char *out, size_t room, const struct order *order)
{
    snprintf(out, room, "%s x %ld", order->symbol, order->quantity);
    return out;
}

static int on_text(koken_ctx *ctx, struct desk *self, struct text_val *msg)
{
    char symbol[8], shown[32];

    (void)ctx;
    long quantity = parse(koken_peek(*msg), symbol, sizeof symbol);
    koken_iso(order, o) = koken_new(order);
    if (koken_none(o)) {
        return -ENOMEM;
    }
    koken_mut(o)->quantity = quantity;
    memcpy(koken_mut(o)->symbol, symbol, sizeof symbol);
    const char *line = format(shown, sizeof shown, koken_get(o));
    koken_post(market_first(), o);
    self->count += (long)strlen(line);
    return 0;
}

int main(void)
{
    koken_ref sink = market_sink();
    koken_ref desk = market_spawn(desk, text_val, on_text);
    (void)sink;
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    koken_mut(t)->length = snprintf(koken_mut(t)->letters, 24, "acme,100");
    koken_val(text, v) = koken_freeze(t);
    koken_post(desk, v);
    return market_run();
}
