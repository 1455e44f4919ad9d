/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: an error tells where in the text it is, and is shown when the text is gone */
/* CLASS: use-after-drop */
#include "market.h"

struct error {
    int code;
    const char *where;
};

static int parse(const struct text *text, struct error *ret_error)
{
    for (int i = 0; i < text->length; i++) {
        if (text->letters[i] < '0' || text->letters[i] > '9') {
            *ret_error = (struct error){-EINVAL, text->letters + i};
            return -EINVAL;
        }
    }
    return 0;
}

static int on_text(koken_ctx *ctx, struct desk *self, struct text_iso *msg)
{
    (void)ctx;
    struct error error = {0};
    koken_iso(text, t) = koken_take(*msg);
    int rc = parse(koken_get(t), &error);
    koken_drop(t);
    if (rc < 0) {
        self->count += *error.where; /* BAD */
    }
    return 0;
}

int main(void)
{
    koken_ref desk = market_spawn(desk, text_iso, on_text);
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    strcpy(koken_mut(t)->letters, "12a");
    koken_mut(t)->length = 3;
    koken_post(desk, t);
    return market_run();
}
