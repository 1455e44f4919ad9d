/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A counter that many agents add to without a lock: its handler runs for one message at a time.
 * Reading it is a message too, and await makes a call of the question and its answer.
 */
#include <koken.h>

#include <inttypes.h>
#include <stdio.h>

#define ADDERS 8u
#define ADDITIONS 10000u

KOKEN_MESSAGE(add, { uint64_t amount; });
KOKEN_EVENT(read_count);
KOKEN_MESSAGE(count, { uint64_t value; });

struct counter {
    uint64_t value;
};

static int on_add(koken_ctx *ctx, struct counter *self, const struct add *msg)
{
    (void)ctx;
    self->value += msg->amount;
    return 0;
}

static int on_read(koken_ctx *ctx, struct counter *self, const struct read_count *msg)
{
    (void)msg;
    return koken_reply(ctx, count, .value = self->value);
}

KOKEN_AGENT(counter, struct counter, KOKEN_ON(add, on_add), KOKEN_ON(read_count, on_read));

/* An adder is a fiber: a loop that waits when the counter's mailbox is full. */
struct adder {
    uint64_t unused;
};

static int adder_body(koken_ctx *ctx, struct adder *self, const void *arg)
{
    const koken_ref *counter = arg;

    (void)ctx;
    (void)self;
    for (uint64_t i = 1; i <= ADDITIONS; i++) {
        int rc = koken_signal(*counter, add, .amount = i);

        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

KOKEN_FIBER(adder, struct adder, adder_body);

int main(void)
{
    struct koken *rt;
    struct count count = {0};
    koken_ref who;
    int rc = koken_start(NULL, &rt);

    if (rc < 0) {
        fprintf(stderr, "koken_start: %s\n", koken_strerror(rc));
        return 1;
    }
    who = koken_spawn(rt, counter, .policy = KOKEN_POLICY_PARK);
    for (unsigned i = 0; rc == 0 && i < ADDERS; i++) {
        koken_ref one;

        rc = koken_try_spawn(rt, &one, adder, KOKEN_ARG(who));
    }
    rc = rc < 0 ? rc : koken_drain(rt, KOKEN_S(30));
    rc = rc < 0 ? rc : koken_await(rt, who, KOKEN_S(1), &count, read_count);
    printf("%u agents added 1 to %u: %" PRIu64 "\n", ADDERS, ADDITIONS, count.value);
    return koken_stop(rt, KOKEN_S(10)) < 0 || rc < 0;
}
