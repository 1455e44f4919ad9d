/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timer wheel, sched/timer.c as it stands, with its owner and one or two remote cancellers. Exactly one
 * callback for each arm; each true answer of a cancel is one cancelled callback; what the canceller did
 * before is seen by it; the node is not touched after its callback, which writes all over it.
 */
#include "test/model/lib/model.h"

#include "sched/timer.c"

#include <string.h>

enum { TIMERS = 2, CANCELLERS = 3, DUE = 2000, LATE = 9000 };

static struct kn_wheel wheel, other; /* of two owners */
static kn_atomic(uint32_t) is_handed_on;
static struct kn_timer timers[TIMERS];
static uint32_t fired[TIMERS], cancelled[TIMERS], armed[TIMERS];
static uint32_t won[CANCELLERS]; /* true answers; [0]: the owner's */
static uint32_t before[CANCELLERS];
static uint32_t rearms;
static bool is_over, has_one_canceller;

static void fire(struct kn_worker *worker, struct kn_timer *timer, bool is_cancelled)
{
    unsigned i = (unsigned)(timer - timers);
    (void)worker;
    if (is_cancelled) {
        cancelled[i]++;
        KOKEN_CHECK(is_over || !has_one_canceller || before[1] == 1);
    } else {
        fired[i]++;
    }
    timer->next_cancelled = (struct kn_timer *)(void *)&wheel; /* its memory is the owner's again */
    if (rearms > 0) {
        rearms--;
        armed[i]++;
        kn_wheel_arm(&wheel, timer, LATE, fire);
    }
}

static void start(void)
{
    memset(timers, 0, sizeof timers);
    memset(fired, 0, sizeof fired);
    memset(cancelled, 0, sizeof cancelled);
    memset(armed, 0, sizeof armed);
    memset(won, 0, sizeof won);
    memset(before, 0, sizeof before);
    rearms = 0;
    is_over = has_one_canceller = false;
    kn_wheel_init(&wheel, NULL, 0, NULL);
    kn_wheel_init(&other, NULL, 0, NULL);
    kn_atomic_init(&is_handed_on, 0);
}

static void start_with_one_canceller(void)
{
    start();
    has_one_canceller = true;
}

static void start_rearming(void)
{
    start();
    rearms = 1;
}

static void arm(unsigned i)
{
    armed[i]++;
    kn_wheel_arm(&wheel, &timers[i], DUE, fire);
}

static void owner_1(void)
{
    arm(0);
    (void)kn_wheel_advance(&wheel, DUE + 1);
    (void)kn_wheel_advance(&wheel, DUE + 2);
}

static void owner_2(void)
{
    arm(0);
    arm(1);
    (void)kn_wheel_advance(&wheel, DUE + 1);
}

static void owner_cancels(void)
{
    arm(0);
    won[0]++;
    if (!kn_wheel_cancel(&wheel, &timers[0])) {
        won[0]--;
    }
    (void)kn_wheel_advance(&wheel, DUE + 1);
}

/* Lets the timer fire, gives it to the other owner, and cancels it there. */
static void owner_hands_on(void)
{
    arm(0);
    (void)kn_wheel_advance(&wheel, DUE + 1);
    kn_store(&is_handed_on, 1, release);
    won[0] += kn_wheel_cancel(&wheel, &timers[0]);
}

static void owner_of_other(void)
{
    if (kn_load(&is_handed_on, acquire)) {
        armed[0]++;
        kn_wheel_arm(&other, &timers[0], LATE, fire);
        (void)kn_wheel_advance(&other, DUE);
    }
}

static void cancel(unsigned who, unsigned count)
{
    before[who] = 1;
    for (unsigned i = 0; i < count; i++) {
        won[who] += kn_wheel_cancel(NULL, &timers[i]);
    }
}

static void cancel_1a(void)
{
    cancel(1, 1);
}

static void cancel_1b(void)
{
    cancel(2, 1);
}

static void cancel_2a(void)
{
    cancel(1, 2);
}

static void cancel_2b(void)
{
    cancel(2, 2);
}

static void check(void)
{
    (void)reap(&wheel);
    (void)reap(&other);
    uint32_t sum = 0;
    for (unsigned i = 0; i < TIMERS; i++) {
        sum += cancelled[i];
    }
    KOKEN_CHECK(won[0] + won[1] + won[2] == sum);
    kn_wheel_check(&wheel);
    kn_wheel_check(&other);
    is_over = true;
    rearms = 0;
    (void)kn_wheel_fini(&wheel);
    (void)kn_wheel_fini(&other);
    for (unsigned i = 0; i < TIMERS; i++) {
        KOKEN_CHECK(fired[i] + cancelled[i] == armed[i]);
    }
}

static const struct kn_scenario scenarios[] = {
    {"1 timer, 1 canceller", start_with_one_canceller, {owner_1, cancel_1a}, check},
    {"1 timer, 2 cancellers", start, {owner_1, cancel_1a, cancel_1b}, check},
    {"2 timers, 2 cancellers", start, {owner_2, cancel_2a, cancel_2b}, check, .limit = 100000},
    {"armed anew, 1 canceller", start_rearming, {owner_1, cancel_1a}, check},
    {"armed anew, 2 cancellers",
     start_rearming,
     {owner_1, cancel_1a, cancel_1b},
     check,
     .limit = 60000},
    {"own cancel, 1 canceller", start, {owner_cancels, cancel_1a}, check},
    {"own cancel, armed anew, 2 cancellers",
     start_rearming,
     {owner_cancels, cancel_1a, cancel_1b},
     check,
     .limit = 60000},
    {"handed on, cancelled by the first owner", start, {owner_hands_on, owner_of_other}, check},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
