/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves of handler agents in channels: items and room come as messages, each call is answered once, and an
 * agent that ends, or has no more time, neither keeps nor loses an item.
 */
#include "test/support/runtime.h"

#include <koken/channel.h>

KOKEN_MESSAGE(item, { uint64_t value; });
/* trusted: channels are made for being shared */
KOKEN_MESSAGE_TRUSTED(begin, {
    struct koken_channel *channel;
    uint64_t timeout_ns;
    uint64_t n;
});

static kn_atomic(uint32_t) got_items, got_failed, got_room, let_go;
static kn_atomic(uint64_t) got_sum;
static kn_atomic(int32_t) last_error;

struct taker {
    struct koken_channel *channel;
    uint64_t timeout_ns, left;
    uint32_t request;
};

static int ask(koken_ctx *ctx, struct taker *self)
{
    if (self->left == 0) {
        return KOKEN_STOP;
    }
    self->left--;
    int rc = koken_channel_receive_later(ctx, self->channel, self->timeout_ns);
    self->request = rc > 0 ? (uint32_t)rc : 0;
    return rc < 0 ? rc : 0;
}

static int on_begin(koken_ctx *ctx, struct taker *self, const struct begin *msg)
{
    self->channel = koken_channel_ref(msg->channel);
    self->timeout_ns = msg->timeout_ns;
    self->left = msg->n;
    return ask(ctx, self);
}

static int on_item(koken_ctx *ctx, struct taker *self, const struct item *msg)
{
    expect(koken_request_number(ctx) == self->request);
    (void)kn_add(&got_sum, msg->value, relaxed);
    (void)count(&got_items);
    return ask(ctx, self);
}

static int on_failed(koken_ctx *ctx, struct taker *self, const struct koken_failed *msg)
{
    expect(koken_request_number(ctx) == self->request);
    expect(msg->request == self->request);
    kn_store(&last_error, msg->error, relaxed);
    (void)count(&got_failed);
    return msg->error == -ESHUTDOWN ? KOKEN_STOP : ask(ctx, self);
}

static void on_end(koken_ctx *ctx, struct taker *self, int reason)
{
    (void)ctx;
    (void)reason;
    self->channel = koken_channel_unref(self->channel);
    (void)count(&let_go);
}

KOKEN_AGENT(taker, struct taker, KOKEN_ON(begin, on_begin), KOKEN_ON(item, on_item),
            KOKEN_ON(koken_failed, on_failed), KOKEN_EXIT(on_end));

static int fill(koken_ctx *ctx, struct taker *self)
{
    while (self->left > 0) {
        int rc = koken_channel_try_send(self->channel, item, .value = self->left);
        if (rc == -EAGAIN) {
            rc = koken_channel_room_later(ctx, self->channel, self->timeout_ns);
            self->request = rc > 0 ? (uint32_t)rc : 0;
            return rc < 0 ? rc : 0;
        }
        if (rc < 0) {
            return rc == -ESHUTDOWN ? KOKEN_STOP : rc;
        }
        self->left--;
    }
    return KOKEN_STOP;
}

static int on_fill(koken_ctx *ctx, struct taker *self, const struct begin *msg)
{
    self->channel = koken_channel_ref(msg->channel);
    self->timeout_ns = msg->timeout_ns;
    self->left = msg->n;
    expect(koken_channel_send(self->channel, KOKEN_S(1), item, .value = 0) == 0);
    struct item back;
    expect(koken_channel_recv(self->channel, KOKEN_S(1), item, &back) == 0);
    expect(koken_channel_recv(self->channel, KOKEN_S(1), item, &back) == -ENOTSUP);
    return fill(ctx, self);
}

static int on_room(koken_ctx *ctx, struct taker *self, const struct koken_channel_room *msg)
{
    expect(msg->channel == self->channel);
    expect(msg->request == self->request);
    expect(koken_request_number(ctx) == self->request);
    (void)count(&got_room);
    return fill(ctx, self);
}

KOKEN_AGENT(filler, struct taker, KOKEN_ON(begin, on_fill), KOKEN_ON(koken_channel_room, on_room),
            KOKEN_ON(koken_failed, on_failed), KOKEN_EXIT(on_end));

static struct koken *begin_test(unsigned workers, size_t capacity, struct koken_channel **channel)
{
    struct koken *rt = start(workers);
    reset(&got_items);
    reset(&got_failed);
    reset(&got_room);
    reset(&let_go);
    kn_store(&got_sum, 0, relaxed);
    kn_store(&last_error, 0, relaxed);
    cr_assert_eq(koken_channel_new(rt, channel, item, capacity), 0);
    return rt;
}

static void end_test(struct koken *rt, struct koken_channel *channel)
{
    check_balance(rt, 0);
    (void)koken_channel_unref(channel);
    stop(rt);
}

static void tell(koken_ref who, struct koken_channel *channel, uint64_t timeout_ns, uint64_t n)
{
    cr_assert_eq(koken_signal(who, begin, .channel = channel, .timeout_ns = timeout_ns, .n = n), 0);
}

Test(channel_later, brings_items_and_room, .timeout = 60)
{
    static const unsigned workers[] = {1, 2};
    for (unsigned round = 0; round < 2; round++) {
        struct koken_channel *channel;
        struct koken *rt = begin_test(workers[round], 5, &channel);
        uint64_t n = 1000 * SCALE;
        tell(koken_spawn(rt, filler), channel, KOKEN_NO_DEADLINE, n);
        drain(rt); /* alone at first: it tries its own channel */
        for (unsigned i = 0; i < 3; i++) {
            tell(koken_spawn(rt, taker), channel, KOKEN_NO_DEADLINE, UINT64_MAX);
        }
        drain(rt);
        cr_assert_eq(reading(&got_items), n);
        cr_assert_eq(kn_load(&got_sum, relaxed), n * (n + 1) / 2);
        cr_assert(reading(&got_room) > 0);
        cr_assert_eq(koken_channel_close(channel), 0);
        drain(rt);
        cr_assert_eq(reading(&got_failed), 3);
        cr_assert_eq(kn_load(&last_error, relaxed), -ESHUTDOWN);
        cr_assert_eq(metrics(rt).alive, 0);
        end_test(rt, channel);
    }
}

Test(channel_later, runs_out_of_time_and_leaves_the_item)
{
    struct koken_channel *channel;
    struct koken *rt = begin_test(1, 2, &channel);
    struct item got;
    tell(koken_spawn(rt, taker), channel, KOKEN_MS(1), 1);
    wait_for(&got_failed, 1);
    cr_assert_eq(kn_load(&last_error, relaxed), -ETIMEDOUT);
    drain(rt);
    cr_assert_eq(koken_channel_try_send(channel, item, .value = 3), 0);
    drain(rt);
    cr_assert_eq(reading(&got_items), 0);
    cr_assert_eq(koken_channel_try_recv(channel, item, &got), 0);
    end_test(rt, channel);
}

/* Deadlines and items race: no item may be lost, whichever is first. */
Test(channel_later, loses_no_item_to_a_deadline, .timeout = 60)
{
    struct koken_channel *channel;
    struct koken *rt = begin_test(2, 1, &channel);
    uint64_t n = 2000 * SCALE, left = 0;
    struct item got;
    koken_ref takers[2] = {koken_spawn(rt, taker), koken_spawn(rt, taker)};
    tell(takers[0], channel, KOKEN_US(3), UINT64_MAX);
    tell(takers[1], channel, KOKEN_US(7), UINT64_MAX);
    for (uint64_t i = 1; i <= n; i++) {
        cr_assert_eq(koken_channel_send(channel, KOKEN_NO_DEADLINE, item, .value = i), 0);
    }
    cr_assert_eq(koken_channel_close(channel), 0);
    drain(rt);
    while (koken_channel_try_recv(channel, item, &got) == 0) {
        left += got.value;
    }
    cr_assert_eq(kn_load(&got_sum, relaxed) + left, n * (n + 1) / 2);
    end_test(rt, channel);
}

Test(channel_later, an_agent_that_ends_leaves_nothing)
{
    struct koken_channel *channel;
    struct koken *rt = begin_test(2, 1, &channel);
    struct item got;
    for (unsigned i = 0; i < 20; i++) {
        koken_ref who = koken_spawn(rt, taker);
        tell(who, channel, i % 2 ? KOKEN_NO_DEADLINE : KOKEN_S(100), 1);
        drain(rt);
        cr_assert_eq(koken_exit(who), 0);
        drain(rt);
        cr_assert(!koken_alive(who));
    }
    cr_assert_eq(koken_channel_try_send(channel, item, .value = 3), 0);
    cr_assert_eq(koken_channel_try_recv(channel, item, &got), 0);
    cr_assert_eq(got.value, 3);
    tell(koken_spawn(rt, taker), channel, KOKEN_S(100), 1);
    tell(koken_spawn(rt, taker), channel, KOKEN_NO_DEADLINE, 1); /* killed while they wait */
    drain(rt);
    check_balance(rt, 0);
    kill_all(rt);
    cr_assert_eq(koken_channel_count(channel), 0);
    for (uint32_t i = reading(&let_go); i < 22; i++) { /* who is killed has no exit hook */
        (void)koken_channel_unref(channel);
    }
    (void)koken_channel_unref(channel);
}
