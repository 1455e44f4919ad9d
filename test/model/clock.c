/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock: base/clock.c and base/world.c as they stand, over counters of the model's own. A reader sees one line, never a
 * mix of two; who lays the next one finds what the last one left; who finds the world ready sees its clock.
 */
#include "test/model/lib/model.h"

#include <stdint.h>

/* The counter of each thread; it moves at each look. */
#define KN_BASE_PLATFORM_TICKS_H
static uint64_t counters[KN_MODEL_THREADS + 1];

static uint64_t kn_platform_ticks(void)
{
    return counters[kn_model_self()] += 100000;
}

static bool kn_platform_ticks_are_steady(void)
{
    return true;
}

#include "base/clock.c"
#include "base/world.c"

uint64_t kn_platform_clock(void)
{
    return counters[kn_model_self()] += 100000;
}

bool kn_platform_trusts_ticks(void)
{
    return true;
}

int kn_platform_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns)
{
    return kn_futex_wait(word, expected, deadline_ns);
}

void kn_platform_futex_wake(kn_atomic(uint32_t) *word, uint32_t count)
{
    kn_futex_wake(word, count);
}

/* ---- one reads, one lays lines ----------------------------------------------------------------------- */

#define ONE (UINT64_C(1) << 32)

static struct kn_clock line_clock;

static void start(void)
{
    for (unsigned i = 0; i <= KN_MODEL_THREADS; i++) {
        counters[i] = 1000;
    }
    line_clock = (struct kn_clock){0};
    process_clock = (struct kn_clock){0};
    kn_atomic_init(&world_state, WORLD_RAW);
    publish(&line_clock, 0, 1000, ONE, 1000000);
}

static void lay_one(void)
{
    publish(&line_clock, 1000, 20000, 2 * ONE, 2000000);
}

static void lay_two(void)
{
    lay_one();
    publish(&line_clock, 3000, 300000, 3 * ONE, 4000);
}

/* What the lines show for 5000; a mix of two shows something else. */
static void read_line_once(void)
{
    uint64_t now;
    KOKEN_CHECK(kn_clock_read(&line_clock, 5000, &now));
    KOKEN_CHECK(now == 6000 || now == 28000 || now == 306000);
}

/* Beyond the third line only: its length is not mixed either. */
static void read_far(void)
{
    uint64_t now;
    bool is_on = kn_clock_read(&line_clock, 8000, &now);
    KOKEN_CHECK(is_on ? now == 9000 || now == 34000 : now == 312000);
}

/* ---- several lay them ---------------------------------------------------------------------------------- */

static void start_line(void)
{
    start();
    kn_clock_begin(&line_clock, (struct kn_clock_sample){1, 1},
                   (struct kn_clock_sample){200001, 200001});
}

static void look_beyond(void)
{
    counters[kn_model_self()] = 50000000;
    (void)read_beyond(&line_clock);
}

/* ---- the world begins ---------------------------------------------------------------------------------- */

static void begin_world(void)
{
    KOKEN_CHECK(kn_world_init() == 0);
    KOKEN_CHECK(process_clock.slope > 0); /* plain: the calibrated clock is there */
}

static const struct kn_scenario scenarios[] = {
    {"a line, a reader", start, {lay_one, read_line_once}, NULL},
    {"2 lines, a reader", start, {lay_two, read_line_once}, NULL, .limit = 60000},
    {"2 lines, read far", start, {lay_two, read_far}, NULL, .limit = 60000},
    {"2 beyond the line", start_line, {look_beyond, look_beyond}, NULL, .limit = 60000},
    {"2 begin the world", start, {begin_world, begin_world}, NULL, .limit = 60000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
