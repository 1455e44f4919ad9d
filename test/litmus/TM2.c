/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [TM2]: the callback of a timer that was cancelled by another thread sees what that thread did
 * before. Weakened at either end, the callback may read an old note, on weakly ordered processors
 * (and ThreadSanitizer reports the race).
 */
#include "sched/timer.h"

#include "base/assert.h"

#include <stddef.h>

enum { TIMERS = 5000 };

static struct kn_wheel wheel;
static struct noted {
    struct kn_timer timer;
    unsigned note; /* of the canceller */
} noted[TIMERS];
static unsigned called;

static void on_fire(struct kn_worker *worker, struct kn_timer *self, bool cancelled)
{
    (void)worker;
    KOKEN_CHECK(cancelled);
    KOKEN_CHECK(kn_container_of(self, struct noted, timer)->note == 42);
    called++;
}

static void cancel(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < TIMERS; i++) {
        noted[i].note = 42;
        KOKEN_CHECK(kn_wheel_cancel(NULL, &noted[i].timer));
    }
}

int main(void)
{
    struct kn_thread thread = {0};

    kn_wheel_init(&wheel, NULL, 0, NULL);
    for (unsigned i = 0; i < TIMERS; i++) {
        kn_wheel_arm(&wheel, &noted[i].timer, KN_NEVER, on_fire);
    }
    if (kn_thread_start(&thread, "cancel", cancel, NULL) != 0) {
        return 1;
    }
    while (called < TIMERS) { /* ended by the other thread's cancels */
        (void)kn_wheel_advance(&wheel, 1);
    }
    kn_thread_join(&thread);
    return 0;
}
