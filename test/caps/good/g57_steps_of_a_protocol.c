/* SPDX-License-Identifier: Apache-2.0 */
/* GOOD: a protocol by steps: what waits is asked for in each of them */
#include "market.h"

KOKEN_LETTER(step, (iso, order, order), (plain, int, kind));
KOKEN_STATE(protocol, (iso, order, offer), (iso, order, answer), (plain, long, done));

enum { OFFER, ANSWER, COMMIT };

static int commit(struct protocol *self)
{
    if (!koken_has(self->offer) || !koken_has(self->answer)) {
        return -EINVAL;
    }
    koken_iso(order, offer) = koken_take(self->offer);
    koken_iso(order, answer) = koken_take(self->answer);
    koken_mut(offer)->price = koken_get(answer)->price;
    koken_drop(answer);
    koken_post(market_first(), offer);
    self->done++;
    return 0;
}

static int on_step(koken_ctx *ctx, struct protocol *self, struct step *msg)
{
    (void)ctx;
    switch (msg->kind) {
    case OFFER:
        if (koken_has(self->offer)) {
            return -EBUSY;
        } else {
            koken_iso(order, o) = koken_take(msg->order);
            koken_put(self->offer, o);
        }
        return 0;
    case ANSWER: {
        koken_iso(order, o) = koken_take(msg->order);
        if (koken_has(self->answer)) {
            koken_iso(order, old) = koken_take(self->answer);
            koken_drop(old);
        }
        koken_put(self->answer, o);
        return 0;
    }
    case COMMIT: return commit(self);
    default: return -EINVAL;
    }
}

int main(void)
{
    static const int kinds[] = {COMMIT, OFFER, OFFER, ANSWER, ANSWER, COMMIT, COMMIT};
    koken_ref sink = market_sink();
    koken_ref protocol = market_spawn(protocol, step, on_step);
    (void)sink;
    for (int i = 0; i < 7; i++) {
        struct step step = {.kind = kinds[i]};
        koken_iso(order, o) = koken_new(order);
        if (koken_none(o)) {
            return 1;
        }
        koken_put(step.order, o);
        market_letter(protocol, step, &step);
    }
    return market_run();
}
