/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: an undo log keeps clones, and gives one back on demand */
#include "market.h"

enum { STEPS = 3 };

struct document {
    text_iso now;
    text_iso undo[STEPS];
    int steps;
};

static int edit(struct document *self, const char *letters)
{
    if (!koken_has(self->now)) {
        return -EINVAL;
    }
    if (self->steps == STEPS) {
        koken_iso(text, oldest) = koken_take(self->undo[0]);
        koken_drop(oldest);
        for (int i = 1; i < STEPS; i++) {
            koken_iso(text, t) = koken_take(self->undo[i]);
            koken_put(self->undo[i - 1], t);
        }
        self->steps--;
    }
    koken_iso(text, now) = koken_take(self->now);
    koken_iso(text, copy) = koken_clone(now);
    if (koken_none(copy)) {
        koken_put(self->now, now);
        return -ENOMEM;
    }
    koken_put(self->undo[self->steps], copy);
    self->steps++;
    strncpy(koken_mut(now)->letters, letters, 23);
    koken_put(self->now, now);
    return 0;
}

static void undo(struct document *self)
{
    if (self->steps == 0 || !koken_has(self->now)) {
        return;
    }
    self->steps--;
    koken_iso(text, wrong) = koken_take(self->now);
    koken_drop(wrong);
    koken_iso(text, before) = koken_take(self->undo[self->steps]);
    koken_put(self->now, before);
}

static int on_text(koken_ctx *ctx, struct document *self, struct text_iso *msg)
{
    (void)ctx;
    if (!koken_has(self->now)) {
        koken_iso(text, t) = koken_take(*msg);
        koken_put(self->now, t);
        return 0;
    }
    if (koken_peek(*msg)->length < 0) {
        undo(self);
        return 0;
    }
    return edit(self, koken_peek(*msg)->letters);
}

int main(void)
{
    koken_ref document = market_spawn(document, text_iso, on_text);
    for (int i = 0; i < 9; i++) {
        koken_iso(text, t) = koken_new(text);
        if (koken_none(t)) {
            return 1;
        }
        koken_mut(t)->length = i == 6 ? -1 : 1;
        koken_post(document, t);
    }
    return market_run();
}
