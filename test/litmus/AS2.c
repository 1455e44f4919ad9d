/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AS2]: an equal generation means that the agent's constants are there, also in a slot that has been used
 * before. Agents of changing policies are born and stopped in the same slots, their names handed over
 * relaxed to a thread that sends to them. Weakened, what a birth writes is a data race (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

#include <errno.h>

enum { AGENTS = 4000 };

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
    uint64_t id;
    (void)arg;
    while ((id = kn_load(&name, relaxed)) !=
           UINT64_MAX) { /* relaxed: it must bring nothing with it */
        koken_ref who = {id};
        int rc = koken_signal(who, ping);
        KOKEN_CHECK(rc == 0 || rc == KOKEN_PRESSURE || rc == -EAGAIN || rc == -ESRCH);
        (void)koken_queued(who);
    }
}

int main(void)
{
    struct koken *rt;
    struct kn_thread thread = {0};
    struct koken_options o = {.workers = 1, .exact_workers = true};
    if (koken_start(&o, &rt) != 0 || kn_thread_start(&thread, "use", use, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < AGENTS; i++) {
        struct koken_spawn_options how = {.capacity = 2,
                                          .policy = (enum koken_policy)(i % KOKEN_POLICY_COUNT_)};
        koken_ref who = koken_spawn_rt_(rt, &koken_agent_agent, &how);
        kn_store(&name, who.id, relaxed);
        KOKEN_CHECK(koken_exit(who) == 0);
    }
    kn_store(&name, UINT64_MAX, relaxed);
    kn_thread_join(&thread);
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
