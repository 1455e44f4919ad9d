/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SM2]: when the start returns, what thread_start did can be seen. Weakened, reading it is a
 * data race (ThreadSanitizer).
 */
#include "sched/sched.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 200 };

static KN_TLS unsigned *mine;
static unsigned written[2]; /* plain, one per thread */
static kn_atomic(uint32_t) next;

static int on_thread_start(void *arg)
{
    (void)arg;
    mine = &written[kn_add(&next, 1, relaxed) % 2];
    *mine = 1;
    return 0;
}

static void on_thread_stop(void *arg)
{
    (void)arg;
    *mine = 2;
}

int main(void)
{
    struct kn_sched_config config = {
        .workers = 2,
        .is_exact = true,
        .hooks = {.thread_start = on_thread_start, .thread_stop = on_thread_stop}};

    for (int i = 0; i < ROUNDS; i++) {
        struct kn_sched *sched;

        if (kn_sched_start(&config, &sched) != 0) {
            return 1;
        }
        KOKEN_CHECK(written[0] == 1 && written[1] == 1);
        KOKEN_CHECK(kn_sched_stop(sched, KN_NEVER) == 0);
        kn_sched_free(sched);
    }
    return 0;
}
