/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [TM1]: who finds a timer armed sees the wheel that it is armed on. One timer is armed on two
 * wheels in turn while another thread cancels it; each cancel must come back to the wheel of its
 * arm. Weakened, the canceller may hand it to the wheel before, on weakly ordered processors, and
 * the owner waits for ever.
 */
#include "sched/timer.h"

#include "base/assert.h"

#include <stddef.h>

enum { ROUNDS = 2000 };

static struct kn_wheel wheels[2];
static struct kn_timer timer;
static bool is_back;
static kn_atomic(uint32_t) is_over;

static void on_fire(struct kn_worker *worker, struct kn_timer *self, bool cancelled)
{
    (void)self;
    KOKEN_CHECK(cancelled);
    KOKEN_CHECK(kn_load(&timer.wheel, relaxed) == (struct kn_wheel *)(void *)worker);
    is_back = true;
}

static void cancel(void *arg)
{
    (void)arg;
    while (!kn_load(&is_over, relaxed)) { /* relaxed: it brings nothing; main ends it */
        (void)kn_wheel_cancel(NULL, &timer);
    }
}

int main(void)
{
    struct kn_thread thread = {0};

    for (int i = 0; i < 2; i++) {
        kn_wheel_init(&wheels[i], (struct kn_worker *)(void *)&wheels[i], 0, NULL);
    }
    if (kn_thread_start(&thread, "cancel", cancel, NULL) != 0) {
        return 1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        is_back = false;
        kn_wheel_arm(&wheels[round % 2], &timer, KN_NEVER, on_fire);
        while (!is_back) { /* ended by the other thread's cancel */
            (void)kn_wheel_advance(&wheels[round % 2], 1);
        }
    }
    kn_store(&is_over, 1, relaxed);
    kn_thread_join(&thread);
    return 0;
}
