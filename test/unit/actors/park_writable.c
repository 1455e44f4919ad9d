/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves koken_writable: it comes exactly once for each refusal, for messages and for bytes, and at once where there is room;
 * who asks about the dead is told.
 */
#include "test/support/room.h"

static void clear(void)
{
    reset(&gate);
    reset(&handled);
    for (int i = 0; i < 3; i++) {
        reset(&codes[i]);
    }
}

struct polite {
    koken_ref to;
    uint32_t sent, wanted, refused, writables;
};

static int push_on(koken_ctx *ctx, struct polite *self)
{
    while (self->sent < self->wanted) {
        int rc = koken_signal(self->to, item, .value = self->sent);
        if (rc == -EAGAIN) {
            self->refused++;
            (void)count(&codes[1]);
            return koken_notify_writable(ctx, self->to);
        }
        expect(rc == 0);
        self->sent++;
    }
    return 0;
}

static int on_polite_begin(koken_ctx *ctx, struct polite *self, const struct begin *msg)
{
    self->to = msg->to;
    self->wanted = msg->count;
    return push_on(ctx, self);
}

static int on_writable(koken_ctx *ctx, struct polite *self, const struct koken_writable *msg)
{
    expect(koken_ref_equal(msg->who, self->to));
    (void)count(&codes[2]);
    return push_on(ctx, self);
}

KOKEN_AGENT(polite, struct polite, KOKEN_ON(begin, on_polite_begin),
            KOKEN_ON(koken_writable, on_writable));

/* T014: each refusal is followed by exactly one koken_writable, and the sender gets everything through. */
Test(park_writable, writable_comes_once_per_refusal)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        kn_store(&gate, 1, release);
        koken_ref to = koken_spawn(rt, consumer, .capacity = 10, .high = 8, .low = 2);
        koken_ref from = koken_spawn(rt, polite);
        cr_assert_eq(koken_signal(from, begin, .to = to, .count = 10000), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), 10000);
        cr_assert_gt(reading(&codes[1]), 0);
        cr_assert_eq(reading(&codes[2]), reading(&codes[1]));
        stop(rt);
    }
}

/* Likewise where bytes are short: eight messages fit, and the next is told of room when one is left. */
Test(park_writable, writable_comes_for_bytes)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct koken *rt = start(workers);
        clear();
        kn_store(&gate, 1, release);
        koken_ref to = koken_spawn(rt, consumer, .capacity_bytes = 8 * sizeof(struct item));
        koken_ref from = koken_spawn(rt, polite);
        cr_assert_eq(koken_signal(from, begin, .to = to, .count = 10000), 0);
        check_balance(rt, 0);
        cr_assert_eq(reading(&handled), 10000);
        cr_assert_gt(reading(&codes[1]), 0);
        cr_assert_lt(reading(&codes[1]), 10000 / 5, "%u refusals", reading(&codes[1]));
        cr_assert_eq(reading(&codes[2]), reading(&codes[1]));
        stop(rt);
    }
}

/* Asking about a dead agent is -ESRCH; asking about one with room is answered at once. */
struct asker {
    koken_ref to;
};

static int on_asker(koken_ctx *ctx, struct asker *self, const struct begin *msg)
{
    self->to = msg->to;
    note(koken_notify_writable(ctx, msg->to) == -ESRCH ? -EAGAIN : 0);
    return 0;
}

static int on_asker_writable(koken_ctx *ctx, struct asker *self, const struct koken_writable *msg)
{
    (void)ctx, (void)self, (void)msg;
    (void)count(&handled);
    return 0;
}

KOKEN_AGENT(asker, struct asker, KOKEN_ON(begin, on_asker),
            KOKEN_ON(koken_writable, on_asker_writable));

Test(park_writable, writable_of_the_idle_the_dead_and_the_stranger)
{
    struct koken *rt = start(1), *other = NULL;
    cr_assert_eq(koken_start(&(struct koken_options){.workers = 1}, &other), 0);
    clear();
    koken_ref asker = koken_spawn(rt, asker);
    koken_ref idle = koken_spawn(rt, consumer), stranger = koken_spawn(other, consumer);
    cr_assert_eq(koken_signal(asker, begin, .to = idle), 0);
    cr_assert_eq(koken_signal(asker, begin, .to = stranger), 0);
    drain(rt);
    drain(other);
    check_balance(rt, 0);
    cr_assert_eq(reading(&handled), 2);
    cr_assert_eq(koken_exit(idle), 0);
    drain(rt);
    cr_assert_eq(koken_signal(asker, begin, .to = idle), 0);
    check_balance(rt, 0);
    cr_assert_eq(reading(&codes[1]), 1);
    cr_assert_eq(koken_stop(other, KOKEN_S(10)), 0);
    stop(rt);
}
