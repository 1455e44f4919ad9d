/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [SL1]: who takes the lock sees what its last holder wrote. Weakened, the plain counter is a data
 * race (ThreadSanitizer), and counts are lost on weakly ordered processors.
 */
#include "sched/lock.h"

#include "base/assert.h"
#include "base/world.h"

enum { ROUNDS = 20000 };

static struct kn_lock lock;
static unsigned counter; /* plain */

static void count(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        kn_lock(&lock);
        counter++;
        kn_unlock(&lock);
    }
}

int main(void)
{
    struct kn_thread thread = {0};

    if (kn_thread_start(&thread, "count", count, NULL) != 0) {
        return 1;
    }
    count(NULL);
    kn_thread_join(&thread);
    KOKEN_CHECK(counter == 2 * ROUNDS);
    return 0;
}
