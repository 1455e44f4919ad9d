/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bound in bytes: mailbox/overflow.c as it stands. Who is refused enters the line and looks once more, as
 * koken_notify_writable does; who ends the pressure tells the line. Nobody waits beside room, more than the
 * bound is never inside, and in the end everything has been given back.
 */
#include "test/model/lib/model.h"

#include "mailbox/overflow.c"

#include <string.h>

enum { SENDERS = 3 };

static struct kn_overflow *overflow;
static kn_atomic(uint64_t) inside; /* bytes; relaxed, all: it is the sum itself that is looked at */

/* Of each sender, looked at in the end. */
static struct kn_room_waiter waiters[SENDERS];
static uint64_t waits[SENDERS]; /* words: the explorer sees no less */

static void start(uint64_t bytes_max, uint64_t bytes_low)
{
    memset(waits, 0, sizeof waits);
    kn_store(&inside, 0, relaxed);
    overflow = kn_overflow_new(bytes_max, bytes_low);
}

static void start_empty_first(void)
{
    start(2, 0);
}

static void start_low(void)
{
    start(3, 1);
}

static void start_without_hysteresis(void)
{
    start(2, 2);
}

static void make_room(void)
{
    uint64_t who, cookie;
    while (kn_overflow_pop_waiter(overflow, &who, &cookie)) { /* ends: the line is short */
        waits[who] = 0;
    }
}

/* A message of n bytes that is accepted and handled, or waits. */
static void send(unsigned who, uint64_t n)
{
    bool opened = false;
    if (kn_overflow_reserve(overflow, n, &opened)) {
        if (opened) {
            make_room();
        }
        KOKEN_CHECK(kn_add(&inside, n, relaxed) + n <= overflow->bytes_max);
        (void)kn_sub(&inside, n, relaxed);
        if (kn_overflow_release(overflow, n)) {
            make_room();
        }
        return;
    }
    waiters[who].who = who;
    waits[who] = 1;
    KOKEN_CHECK(kn_overflow_wait(overflow, &waiters[who]));
    if (!kn_overflow_is_pressed(overflow)) {
        make_room();
    }
}

static void large(void)
{
    send(0, 2);
}

static void small(void)
{
    send(1, 1);
}

static void another(void)
{
    send(2, 2);
}

static void check(void)
{
    KOKEN_CHECK(kn_load(&overflow->bytes, relaxed) == 0);
    for (unsigned i = 0; i < SENDERS; i++) {
        KOKEN_CHECK(!waits[i]);
    }
    KOKEN_CHECK(!overflow->waiters);
}

static const struct kn_scenario scenarios[] = {
    {"2 bytes, low 0: 2 and 1", start_empty_first, {large, small}, check},
    {"2 bytes, low 0: 2, 1 and 2",
     start_empty_first,
     {large, small, another},
     check,
     .limit = 60000},
    {"3 bytes, low 1: 2 and 2", start_low, {large, another}, check},
    {"3 bytes, low 1: 2, 1 and 2", start_low, {large, small, another}, check, .limit = 60000},
    {"2 bytes, no hysteresis: 2 and 2", start_without_hysteresis, {large, another}, check},
    {"2 bytes, no hysteresis: 2, 1 and 2",
     start_without_hysteresis,
     {large, small, another},
     check,
     .limit = 60000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
