/* SPDX-License-Identifier: Apache-2.0 */
/* A pointer goes round three agents and a fiber; each writes while it has it, and lets it go. */
#include "../run.h"

KOKEN_MESSAGE_TRUSTED(token, { /* trusted: whoever has it is alone with the number */
                               long *number;
                               int left;
});
KOKEN_MESSAGE(next, { koken_ref ref; });

struct station {
    koken_ref next;
};

static int on_next(koken_ctx *ctx, struct station *self, const struct next *msg)
{
    (void)ctx;
    self->next = msg->ref;
    return 0;
}

static int on_token(koken_ctx *ctx, struct station *self, const struct token *msg)
{
    (void)ctx;
    ++*msg->number;
    return msg->left ? koken_signal(self->next, token, .number = msg->number, .left = msg->left - 1)
                     : 0;
}

KOKEN_AGENT(station, struct station, KOKEN_ON(next, on_next), KOKEN_ON(token, on_token));

static int relay_body(koken_ctx *ctx, void *self, const void *arg)
{
    koken_ref next = *(const koken_ref *)arg;
    (void)self;
    for (;;) {
        struct koken_received msg;
        int rc = koken_receive(ctx, KOKEN_NO_DEADLINE, &msg);
        if (rc < 0) {
            return 0;
        }
        const struct token *token = msg.payload;
        ++*token->number;
        rc = token->left
                 ? koken_signal(next, token, .number = token->number, .left = token->left - 1)
                 : 0;
        if (rc < 0) {
            return rc;
        }
    }
}

KOKEN_FIBER(relay, char, relay_body);

static long number;

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref three = koken_spawn(rt, station), two = koken_spawn(rt, relay, KOKEN_ARG(three));
    koken_ref one = koken_spawn(rt, station);

    MUST(koken_signal(one, next, .ref = two));
    MUST(koken_signal(three, next, .ref = one));
    number = 1;
    MUST(koken_signal(one, token, .number = &number, .left = 1000));
    int rc = finish(rt);
    return rc ? rc : number != 1002;
}
