/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AB2]: of a visitor that looks whether mailboxes are biased, and a worker that biases them again and looks
 * for visitors, one sees the other. Threads come with pauses. Weakened, both go ahead: a message is lost.
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

enum { THREADS = 3, ROUNDS = 3000 };

KOKEN_EVENT(ping);

struct agent {
    uint64_t handled;
};

static kn_atomic(uint32_t) total;

static int on_ping(koken_ctx *ctx, struct agent *self, const struct ping *msg)
{
    (void)msg;
    self->handled++;
    (void)kn_add(&total, 1, relaxed);
    /* Keeps the worker's plain accesses coming while the threads push. */
    return self->handled % 2 ? koken_signal(koken_self(ctx), ping) : 0;
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(ping, on_ping));

static koken_ref who;
static kn_atomic(uint32_t) sent;

static void send(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (koken_signal(who, ping) == 0) {
            (void)kn_add(&sent, 1, relaxed);
        }
        for (int k = 0; k < 20000;
             k++) { /* long enough for the mailboxes to be biased again, now and then */
            kn_pause();
        }
    }
}

int main(void)
{
    struct koken *rt;
    struct kn_thread threads[THREADS] = {{0}};
    struct koken_metrics m;
    struct koken_options o = {.workers = 1, .exact_workers = true};
    if (koken_start(&o, &rt) != 0) {
        return 1;
    }
    who = koken_spawn(rt, agent, .policy = KOKEN_POLICY_GROW);
    for (int i = 0; i < THREADS; i++) {
        KOKEN_CHECK(kn_thread_start(&threads[i], "send", send, NULL) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        kn_thread_join(&threads[i]);
    }
    KOKEN_CHECK(koken_drain(rt, KOKEN_S(60)) == 0);
    koken_metrics(rt, &m);
    KOKEN_CHECK(m.sent == m.received);
    KOKEN_CHECK(kn_load(&total, relaxed) == m.received);
    KOKEN_CHECK(m.received >= kn_load(&sent, relaxed));
    return koken_stop(rt, KOKEN_S(60)) != 0;
}
