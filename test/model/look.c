/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at a stack: base/look.c as it stands. Who takes an answer sees all of it, nobody writes one while it is read, nor
 * two at once, though another thread serves the look meanwhile, and though the first is not wanted any more.
 */
#include "test/model/lib/model.h"

#include <stdbool.h>

bool kn_world_is_simulated(void);

#include "base/look.c"

static struct kn_look look;
static kn_atomic(uint32_t)
    asked[3]; /* by the number of a thread: a signal is on its way; it orders nothing */
static uint32_t taken;

/* ---- the port ------------------------------------------------------------------------------------------- */

bool kn_world_is_simulated(void)
{
    return false;
}

unsigned kn_platform_unwind(const void *interrupted, const void **ret_frames, unsigned max)
{
    (void)max;
    ret_frames[0] = ret_frames[1] = interrupted;
    return 2;
}

bool kn_platform_ask(uint32_t thread)
{
    (void)kn_add(&asked[thread], 1, relaxed);
    return true;
}

static struct kn_look *where(void)
{
    return &look;
}

/* ---- scenarios ------------------------------------------------------------------------------------------ */

static void start(void)
{
    kn_look_where = where;
    look.count = 0;
    kn_atomic_init(&look.thread, 1);
    kn_atomic_init(&look.state, KN_LOOK_IDLE);
    for (unsigned i = 0; i < 3; i++) {
        kn_atomic_init(&asked[i], 0);
    }
    taken = 0;
}

static void serve(uint32_t number)
{
    kn_store(&look.thread, number, relaxed);
    for (unsigned i = 0; i < 2; i++) {
        if (kn_swap(&asked[number], 0, relaxed) != 0) {
            on_ask(&look);
        }
    }
}

static void serve_1(void)
{
    serve(1);
}

static void serve_2(void)
{
    serve(2);
}

static void take(void)
{
    const void *frames[KN_LOOK_FRAMES];
    unsigned count = kn_look_take(&look, frames);
    KOKEN_CHECK(count == 0 || (count == 2 && frames[0] == &look && frames[1] == &look));
    taken += count > 0;
}

static void ask_and_take_twice(void)
{
    for (unsigned i = 0; i < 2; i++) {
        int rc = kn_look_ask(&look);
        KOKEN_CHECK(rc == 0 || rc == -EBUSY);
        take();
    }
    take();
}

static void ask_and_drop(void)
{
    KOKEN_CHECK(kn_look_ask(&look) == 0);
    kn_look_drop(&look);
    int rc = kn_look_ask(&look);
    KOKEN_CHECK(rc == 0 || rc == -EBUSY);
    take();
}

static const struct kn_scenario scenarios[] = {
    {"taken twice", start, {ask_and_take_twice, serve_1}, NULL},
    {"taken twice, from two", start, {ask_and_take_twice, serve_1, serve_2}, NULL, .limit = 4000},
    {"dropped, and taken", start, {ask_and_drop, serve_1}, NULL},
    {"dropped, and taken from another",
     start,
     {ask_and_drop, serve_1, serve_2},
     NULL,
     .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
