/* SPDX-License-Identifier: Apache-2.0 */
/* Proves that a broadcast reaches whoever can be reached, full and dead members notwithstanding. */
#include "test/support/runtime.h"

#include <koken/broadcast.h>

KOKEN_MESSAGE(news, { uint32_t value; });
static kn_atomic(uint32_t) heard, gate;

struct listener {
    uint32_t unused;
};

static int on_news(koken_ctx *ctx, struct listener *self, const struct news *msg)
{
    (void)ctx;
    (void)self;
    expect(msg->value == 7);
    wait_for(&gate, 1);
    (void)count(&heard);
    return 0;
}

KOKEN_AGENT(listener, struct listener, KOKEN_ON(news, on_news));

Test(broadcast, goes_past_the_full_and_the_dead)
{
    struct koken *rt = start(1);
    koken_ref members[6] = {{0}};
    struct koken_broadcast_counts counts;
    reset(&heard);
    reset(&gate);
    for (int i = 0; i < 5; i++) {
        members[i] = koken_spawn(rt, listener, .capacity = 2, .high = 2, .low = 1);
    }
    cr_assert_eq(koken_exit(members[1]), 0);
    drain(rt);
    cr_assert_eq(koken_signal(members[0], news, .value = 7), 0);
    cr_assert_eq(koken_signal(members[2], news, .value = 7), 0);
    cr_assert_eq(koken_signal(members[2], news, .value = 7), 0);
    cr_assert_eq(koken_broadcast(members, 6, &counts, news, .value = 7), 0);
    (void)count(&gate);
    cr_assert_eq(counts.dead, 2);
    cr_assert_eq(counts.accepted + counts.full, 4);
    cr_assert(counts.accepted >= 3);
    drain(rt);
    cr_assert_eq(reading(&heard), counts.accepted + 3);
    cr_assert_eq(koken_broadcast(NULL, 0, &counts, news, .value = 7), 0);
    cr_assert_eq(koken_broadcast(NULL, 1, &counts, news, .value = 7), -EINVAL);
    cr_assert_eq(koken_broadcast(members, 1, NULL, news, .value = 7), 0);
    stop(rt);
}
