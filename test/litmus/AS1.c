/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AS1]: whoever resolves a handle sees the chunk that its slot lies in. One thread spawns thousands of
 * agents, so that chunks come and come, and hands their names over relaxed; the other one uses them at
 * once. Weakened, the fields of the chunk are data races (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

enum { AGENTS = 5000 };

KOKEN_EVENT(ping);

struct agent {
    char unused;
};

static int on_ping(koken_ctx *ctx, struct agent *self, const struct ping *msg)
{
    (void)ctx, (void)self, (void)msg;
    return 0;
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(ping, on_ping));

static kn_atomic(uint64_t) name;

static void use(void *arg)
{
    uint64_t seen = 0, id;
    (void)arg;
    while ((id = kn_load(&name, relaxed)) !=
           UINT64_MAX) { /* relaxed: it must bring nothing with it */
        if (id != seen) {
            koken_ref who = {seen = id};
            KOKEN_CHECK(koken_alive(who));
            KOKEN_CHECK(koken_signal(who, ping) == 0);
        }
    }
}

int main(void)
{
    struct koken *rt;
    struct kn_thread thread = {0};
    struct koken_options o = {.workers = 2, .exact_workers = true};
    if (koken_start(&o, &rt) != 0 || kn_thread_start(&thread, "use", use, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < AGENTS; i++) {
        kn_store(&name, koken_spawn(rt, agent).id, relaxed);
    }
    kn_store(&name, UINT64_MAX, relaxed);
    kn_thread_join(&thread);
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
