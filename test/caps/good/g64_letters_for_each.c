/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: every member gets a letter of its own, with a reference to one val */
#include "market.h"

KOKEN_LETTER(invitation, (val, text, text), (plain, int, number));

static int on_invitation(koken_ctx *ctx, struct desk *self, struct invitation *msg)
{
    (void)ctx;
    self->count += koken_peek(msg->text)->length * msg->number;
    return 0;
}

static int invite(const koken_ref *members, int count, text_val words)
{
    koken_owned(words);
    int refused = 0;

    for (int i = 0; i < count; i++) {
        struct invitation letter = {.number = i};
        koken_val(text, mine) = koken_dup(words);
        koken_put(letter.text, mine);
        int rc = koken_give_letter(members[i], invitation, letter);
        if (rc < 0) {
            koken_val(text, back) = koken_take(letter.text);
            koken_drop(back);
            refused++;
        }
    }
    koken_drop(words);
    return refused;
}

int main(void)
{
    koken_ref members[3] = {market_spawn(desk, invitation, on_invitation), KOKEN_NOBODY,
                            market_spawn(desk, invitation, on_invitation)};
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return 1;
    }
    koken_mut(t)->length = 4;
    koken_val(text, words) = koken_freeze(t);
    if (invite(members, 3, koken_move(words)) != 1) {
        return 1;
    }
    return market_run();
}
