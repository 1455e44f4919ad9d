/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of waiting for room: a consumer with a small mailbox, and counts of what its senders are told. */
#ifndef KN_TEST_SUPPORT_ROOM_H
#define KN_TEST_SUPPORT_ROOM_H

#include "test/support/runtime.h"

KOKEN_MESSAGE(item, { uint32_t value; });
KOKEN_MESSAGE(begin, {
    koken_ref to;
    uint32_t count;
});
KOKEN_EVENT(ask);
KOKEN_MESSAGE(told, { uint32_t value; });

static kn_atomic(uint32_t) gate, handled, codes[3]; /* accepted, -EAGAIN, -EDEADLK */

static inline void note(int rc)
{
    (void)count(&codes[rc == 0 ? 0 : (rc == -EAGAIN ? 1 : 2)]);
}

struct consumer {
    uint32_t next;
};

static int on_item(koken_ctx *ctx, struct consumer *self, const struct item *msg)
{
    (void)ctx;
    expect(msg->value == self->next);
    self->next = msg->value + 1;
    wait_for(&gate, 1);
    (void)count(&handled);
    return 0;
}

static int on_ask(koken_ctx *ctx, struct consumer *self, const struct ask *msg)
{
    (void)msg;
    return koken_reply(ctx, told, .value = self->next);
}

KOKEN_AGENT(consumer, struct consumer, KOKEN_ON(item, on_item), KOKEN_ON(ask, on_ask));

#endif
