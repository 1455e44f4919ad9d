/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a parser answers numbers and copies, and numbers come from strtol at once */
#include "market.h"

struct error {
    int code, at;
    char near[8];
};

static int parse(const struct text *text, long *ret_number, struct error *ret_error)
{
    char digits[24] = "";

    memcpy(digits, text->letters, sizeof digits - 1);
    char *end;
    *ret_number = strtol(digits, &end, 10);
    if (*end == 0) {
        return 0;
    }
    ret_error->code = -EINVAL;
    ret_error->at = (int)(end - digits);
    strncpy(ret_error->near, end, sizeof ret_error->near - 1);
    return -EINVAL;
}

static int on_text(koken_ctx *ctx, struct desk *self, struct text_iso *msg)
{
    (void)ctx;
    struct error error = {0};
    long number = 0;
    koken_iso(text, t) = koken_take(*msg);
    int rc = parse(koken_get(t), &number, &error);
    koken_drop(t);
    self->count += rc < 0 ? error.at + error.near[0] : number;
    return 0;
}

int main(void)
{
    static const char *const lines[] = {"12", "7x", ""};
    koken_ref desk = market_spawn(desk, text_iso, on_text);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        koken_iso(text, t) = koken_new(text);
        if (koken_none(t)) {
            return 1;
        }
        strcpy(koken_mut(t)->letters, lines[i]);
        koken_post(desk, t);
    }
    return market_run();
}
