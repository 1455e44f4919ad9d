/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [OH2]: who gives the last reference to a channel back sees what the others did with it before they gave theirs
 * back. Two threads use a channel of one item once and let go at the same time; the memory is freed by the
 * second. Weakened, lock and ring are data races with the free (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

enum { ROUNDS = 300 };

KOKEN_MESSAGE(item, { uint64_t value; });

static void use(void *arg)
{
    struct koken_channel *channel = arg;
    struct item got;
    if (koken_channel_try_send(channel, item, .value = 1) != 0) {
        (void)!koken_channel_try_recv(channel, item, &got);
    }
    (void)koken_channel_unref(channel);
}

int main(void)
{
    struct koken *rt;
    struct koken_options o = {.workers = 1, .exact_workers = true};
    if (koken_start(&o, &rt) != 0) {
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct koken_channel *channel;
        struct kn_thread thread = {0};
        KOKEN_CHECK(koken_channel_new(rt, &channel, item, 1) == 0);
        (void)koken_channel_ref(channel);
        KOKEN_CHECK(kn_thread_start(&thread, "use", use, channel) == 0);
        use(channel);
        kn_thread_join(&thread);
    }
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
