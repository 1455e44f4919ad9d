/* SPDX-License-Identifier: Apache-2.0 */
/* Who has answered with a pointer goes on writing there. */
#include "../run.h"

KOKEN_EVENT(ask);
KOKEN_EVENT(go_on);
KOKEN_MESSAGE_TRUSTED(place,
                      { long *number; }); /* trusted: the mistake that this program is about */

struct owner {
    long number;
};

static int on_ask(koken_ctx *ctx, struct owner *self, const struct ask *msg)
{
    (void)msg;
    return koken_reply(ctx, place, .number = &self->number);
}

static int on_go_on(koken_ctx *ctx, struct owner *self, const struct go_on *msg)
{
    (void)ctx;
    (void)msg;
    self->number++;
    return 0;
}

KOKEN_AGENT(owner, struct owner, KOKEN_ON(ask, on_ask), KOKEN_ON(go_on, on_go_on));

static int asker_body(koken_ctx *ctx, void *self, const void *arg)
{
    koken_ref owner = *(const koken_ref *)arg;
    struct place place;
    int rc = koken_await(ctx, owner, KOKEN_S(1), &place, ask);
    (void)self;
    rc = rc < 0 ? rc : koken_signal(owner, go_on);
    rc = rc < 0 ? rc : koken_sleep(ctx, KOKEN_MS(1));
    return rc < 0 ? rc : *place.number < 0;
}

KOKEN_FIBER(asker, char, asker_body);

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref owner = koken_spawn(rt, owner);

    (void)koken_spawn(rt, asker, KOKEN_ARG(owner));
    let_pass(rt);
    return finish(rt);
}
