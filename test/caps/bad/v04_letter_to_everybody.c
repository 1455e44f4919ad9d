/* SPDX-License-Identifier: Apache-2.0 */
/* RULE: one letter is given to every member */
/* CLASS: double-send */
#include "market.h"

KOKEN_LETTER(invitation, (iso, text, text), (plain, int, number));

static int on_invitation(koken_ctx *ctx, struct desk *self, struct invitation *msg)
{
    (void)ctx;
    koken_iso(text, t) = koken_take(msg->text);
    self->count += koken_get(t)->length;
    koken_drop(t);
    return 0;
}

static void invite(const koken_ref *members, int count)
{
    struct invitation letter = {.number = 1};
    koken_iso(text, t) = koken_new(text);
    if (koken_none(t)) {
        return;
    }
    koken_put(letter.text, t);
    for (int i = 0; i < count; i++) {
        letter.number = i;
        if (koken_give_letter(members[i], invitation, letter) != 0) { /* BAD: the second is empty */
            break;
        }
    }
    if (koken_has(letter.text)) {
        koken_iso(text, back) = koken_take(letter.text);
        koken_drop(back);
    }
}

int main(void)
{
    koken_ref members[2];
    for (int i = 0; i < 2; i++) {
        members[i] = market_spawn(desk, invitation, on_invitation);
    }
    invite(members, 2);
    return market_run();
}
