/* SPDX-License-Identifier: Apache-2.0 */
/* The timer wheel against a plain table: arm, cancel and advance as the input says. */
#include "base/assert.h"
#include "sched/timer.h"

#include <string.h>

enum { TIMERS = 16 };

static struct kn_wheel wheel;
static struct kn_timer timers[TIMERS];
static uint64_t deadlines[TIMERS]; /* KN_NEVER: not armed */
static uint64_t now;
static bool is_ending;

static void fire(struct kn_worker *worker, struct kn_timer *timer, bool cancelled)
{
    unsigned i = (unsigned)(timer - timers);
    (void)worker;
    KOKEN_CHECK(deadlines[i] != KN_NEVER); /* once for each arm */
    if (!cancelled) {
        KOKEN_CHECK(deadlines[i] <= now); /* never early */
        KOKEN_CHECK(!is_ending);
    }
    deadlines[i] = KN_NEVER;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(timers, 0, sizeof timers);
    for (unsigned i = 0; i < TIMERS; i++) {
        deadlines[i] = KN_NEVER;
    }
    now = 1;
    is_ending = false;
    kn_wheel_init(&wheel, NULL, now, NULL);
    for (size_t at = 0; at + 3 <= size && at < 600; at += 3) {
        unsigned i = data[at] % TIMERS;
        uint64_t distance = (uint64_t)(data[at + 1] + 1u) << (data[at + 2] % 40);
        switch (data[at] >> 6) {
        case 0:
        case 1:
            if (deadlines[i] == KN_NEVER) {
                deadlines[i] = now + distance;
                kn_wheel_arm(&wheel, &timers[i], deadlines[i], fire);
            }
            break;
        case 2: {
            bool was_armed = deadlines[i] != KN_NEVER;
            KOKEN_CHECK(kn_wheel_cancel(&wheel, &timers[i]) == was_armed);
            KOKEN_CHECK(deadlines[i] == KN_NEVER);
            break;
        }
        default:
            now += distance;
            do { /* ends: each turn calls back or moves some */
                (void)kn_wheel_advance(&wheel, now);
            } while (kn_wheel_next(&wheel) <= now);
            for (unsigned k = 0; k < TIMERS; k++) {
                KOKEN_CHECK(deadlines[k] > now); /* none is forgotten */
            }
        }
        kn_wheel_check(&wheel);
    }
    is_ending = true;
    (void)kn_wheel_fini(&wheel);
    for (unsigned i = 0; i < TIMERS; i++) {
        KOKEN_CHECK(deadlines[i] == KN_NEVER);
    }
    return 0;
}
