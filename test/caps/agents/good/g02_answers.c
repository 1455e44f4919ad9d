/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent wrote before it answered is read by who asked: a fiber, and the thread outside. */
#include "../run.h"

KOKEN_MESSAGE_TRUSTED(work, { long *at; }); /* trusted: nobody uses it before the answer */
KOKEN_MESSAGE(done, { long number; });

struct worker {
    long count;
};

static int on_work(koken_ctx *ctx, struct worker *self, const struct work *msg)
{
    *msg->at += ++self->count;
    return koken_reply(ctx, done, .number = self->count);
}

KOKEN_AGENT(worker, struct worker, KOKEN_ON(work, on_work));

static int asker_body(koken_ctx *ctx, void *self, const void *arg)
{
    koken_ref worker = *(const koken_ref *)arg;
    long mine = 0;
    (void)self;
    for (int i = 0; i < 100; i++) {
        struct done done;
        int rc = koken_await(ctx, worker, KOKEN_S(1), &done, work, .at = &mine);
        if (rc < 0) {
            return rc;
        }
        mine -= done.number;
    }
    return (int)mine;
}

KOKEN_FIBER(asker, char, asker_body);

int main(void)
{
    struct koken *rt = one_worker();
    koken_ref worker = koken_spawn(rt, worker);
    long mine = 0;

    (void)koken_spawn(rt, asker, KOKEN_ARG(worker));
    (void)koken_spawn(rt, asker, KOKEN_ARG(worker));
    for (int i = 0; i < 100; i++) {
        struct done done;
        MUST(koken_await(rt, worker, KOKEN_S(5), &done, work, .at = &mine));
        mine -= done.number;
    }
    int rc = finish(rt);
    return rc ? rc : mine != 0;
}
