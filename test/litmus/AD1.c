/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [AD1]: who finds a worker's ring of dead letters sees it made. A thread outside reads the letters of one runtime after
 * the other while their first letter dies, so that it looks at the ring as it is made. Weakened, its lock and letters are
 * data races (ThreadSanitizer).
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/world.h"

#include <koken.h>

enum { ROUNDS = 200 };

KOKEN_EVENT(kill);
KOKEN_EVENT(late);

struct agent {
    char unused;
};

static koken_ref victim;

/* A message without a row is a dead letter, on the worker. */
static int on_kill(koken_ctx *ctx, struct agent *self, const struct kill *msg)
{
    (void)ctx, (void)self, (void)msg;
    return koken_signal(victim, late);
}

KOKEN_AGENT(agent, struct agent, KOKEN_ON(kill, on_kill));

int main(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct koken *rt;
        struct koken_dead_letter found;
        struct koken_options o = {.workers = 1, .exact_workers = true};
        if (koken_start(&o, &rt) != 0) {
            return 1;
        }
        victim = koken_spawn(rt, agent);
        KOKEN_CHECK(koken_signal(victim, kill) == 0);
        while (koken_dead_letters(rt, &found, 1) == 0) { /* ends: the letter dies */
            kn_pause();
        }
        KOKEN_CHECK(koken_ref_equal(found.receiver, victim));
        KOKEN_CHECK(koken_stop(rt, KOKEN_S(60)) == 0);
    }
    return 0;
}
