/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SQ1]: who finds the scheduler quiet sees what the last job did. Weakened, reading it is a
 * data race (ThreadSanitizer).
 */
#include "sched/sched.h"

#include "base/assert.h"
#include "base/world.h"

#include <stddef.h>

enum { ROUNDS = 2000 };

static int result; /* plain */

static void work(struct kn_job *job)
{
    (void)job;
    result++;
}

int main(void)
{
    struct kn_sched_config config = {.workers = 1, .is_exact = true};
    struct kn_job job = {.fn = work};
    struct kn_sched *sched;

    if (kn_sched_start(&config, &sched) != 0) {
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++) {
        if (kn_blocking_submit(sched, &job) != 0) {
            return 1;
        }
        KOKEN_CHECK(kn_sched_quiet(sched, kn_now() + UINT64_C(20000000000)));
        KOKEN_CHECK(result == i + 1);
    }
    KOKEN_CHECK(kn_sched_stop(sched, KN_NEVER) == 0);
    kn_sched_free(sched);
    return 0;
}
