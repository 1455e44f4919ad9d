/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [OH1]: who finds a channel unbound sees all that was done with it while it belonged to its runtime, by a worker
 * that was alone with it. A fiber fills the channel by plain stores, its runtime ends, and a thread that has only
 * waited for the close takes the items out. Weakened, ring and items are data races (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

#include <errno.h>

enum { ROUNDS = 20, ITEMS = 50 };

KOKEN_MESSAGE(item, { uint64_t value; });

struct nothing {
    char nothing;
};

static int filler_body(koken_ctx *ctx, struct nothing *self, const void *arg)
{
    (void)ctx, (void)self;
    struct koken_channel *channel = *(struct koken_channel *const *)arg;
    int rc = 0;
    for (uint64_t i = 1; rc == 0 && i <= ITEMS; i++) {
        rc = koken_channel_try_send(channel, item, .value = i);
    }
    return rc;
}

KOKEN_FIBER(filler, struct nothing, filler_body);

static void drain(void *arg)
{
    struct koken_channel *channel = arg;
    struct item got;
    uint64_t expected = 1;
    int rc;
    while ((rc = koken_channel_recv(channel, KOKEN_NO_DEADLINE, item, &got)) == 0) {
        KOKEN_CHECK(got.value == expected++);
    }
    KOKEN_CHECK(rc == -ESHUTDOWN);
    (void)koken_channel_unref(channel);
}

int main(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct koken *rt;
        struct koken_channel *channel;
        struct kn_thread thread = {0};
        struct koken_options o = {.workers = 1, .exact_workers = true};
        if (koken_start(&o, &rt) != 0 || koken_channel_new(rt, &channel, item, ITEMS) != 0) {
            return 1;
        }
        (void)koken_channel_ref(channel);
        KOKEN_CHECK(kn_thread_start(&thread, "drain", drain, channel) == 0);
        (void)koken_spawn(rt, filler, .arg = &channel, .arg_size = sizeof channel);
        KOKEN_CHECK(koken_stop(rt, KOKEN_S(60)) == 0);
        (void)koken_channel_unref(channel);
        kn_thread_join(&thread);
    }
    return 0;
}
