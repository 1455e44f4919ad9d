/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AW2]: thread and agent share the memory of a wait; the second to let go sees what the first did, before
 * it is freed. Deadlines so short that either may be the second. Weakened, the free is a data race with
 * the other's last access (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

#include <errno.h>

enum { ROUNDS = 2000 };

KOKEN_MESSAGE(question, { uint64_t value; });
KOKEN_MESSAGE(answer, { uint64_t values[20]; });

struct agent {
    char unused;
};

static int on_question(koken_ctx *ctx, struct agent *self, const struct question *msg)
{
    struct answer all;
    (void)self;
    for (int i = 0; i < 20; i++) {
        all.values[i] = msg->value + (uint64_t)i;
    }
    return koken_reply_(ctx, &koken_type_answer, &all);
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(question, on_question));

int main(void)
{
    struct koken *rt;
    struct koken_options o = {.workers = 1, .exact_workers = true};
    if (koken_start(&o, &rt) != 0) {
        return 1;
    }
    koken_ref who = koken_spawn(rt, agent);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct answer got;
        int rc = koken_await(rt, who, KOKEN_US(i % 30), &got, question, .value = i);
        KOKEN_CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -EAGAIN);
        for (uint64_t k = 0; rc == 0 && k < 20; k++) {
            KOKEN_CHECK(got.values[k] == i + k);
        }
    }
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
