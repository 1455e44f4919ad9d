/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the calibrated clock against clocks that a test owns: counters that drift, jump, sleep and
 * start again; then the one of this machine.
 */
#include "base/clock.h"
#include "base/platform/platform.h"
#include "base/world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_source_hidden; /* as where there is no /sys */

int open(const char *path, int flags, ...)
{
    return is_source_hidden ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

/* Before anybody has calibrated it (the first test: the process may be shared), and where ticks are not to be trusted. */
Test(clock, is_the_systems_where_ticks_are_not_trusted)
{
    is_source_hidden = true;
    kn_clock_calibrate();
    is_source_hidden = false;
    cr_assert_not(kn_clock_uses_ticks());
    for (int i = 0; i < 100; ++i) {
        uint64_t before = kn_platform_clock();
        uint64_t now = kn_clock_now(), ticks = kn_clock_ticks();
        cr_assert(before <= now && now <= ticks);
        cr_assert_leq(ticks, kn_platform_clock());
    }
    cr_assert_eq(kn_clock_ticks_ns(12345), 12345);
    kn_atomic(uint32_t) word;
    kn_atomic_init(&word, 1);
    cr_assert_eq(kn_clock_wait(&word, 0, KN_NEVER), 0);
    cr_assert_eq(kn_clock_wait(&word, 0, kn_clock_now() + 1000000), 0);
    uint64_t deadline = kn_clock_now() + 1000000;
    while (kn_clock_wait(&word, 1, deadline) == 0) { /* a signal may end a wait */
    }
    cr_assert_geq(kn_clock_now(), deadline);
}

/* A machine: true time, and a counter that runs at a rate of its own. */
struct machine {
    struct kn_clock clock;
    double ns;
    double ticks;
    double ticks_per_ns;
    uint64_t last;     /* that the clock showed */
    double worst_off;  /* ns, of what the clock showed against true time */
    uint64_t noise;    /* state of the noise in samples */
    unsigned extended; /* times */
};

static struct kn_clock_sample sample_of(struct machine *m)
{
    double noise =
        (double)(kn_random(&m->noise) % 41) - 20; /* as a real sample: 20 ns either way */
    return (struct kn_clock_sample){(uint64_t)m->ticks, (uint64_t)(m->ns + noise)};
}

static void pass(struct machine *m, double ns)
{
    m->ns += ns;
    m->ticks += ns * m->ticks_per_ns;
}

static void boot(struct machine *m, double ticks_per_ns)
{
    *m = (struct machine){.ns = 5e9, .ticks = 1e12, .ticks_per_ns = ticks_per_ns, .noise = 7};
    struct kn_clock_sample first = sample_of(m);
    pass(m, KN_CLOCK_LINE_MIN_NS);
    kn_clock_begin(&m->clock, first, sample_of(m));
}

/* What kn_clock_now() does, minus the threads. Time must never run backwards. */
static uint64_t look(struct machine *m)
{
    uint64_t now;
    if (!kn_clock_read(&m->clock, (uint64_t)m->ticks, &now)) {
        kn_clock_extend(&m->clock, sample_of(m));
        ++m->extended;
        cr_assert(kn_clock_read(&m->clock, (uint64_t)m->ticks, &now));
    }
    cr_assert(now >= m->last, "%lu after %lu", (unsigned long)now, (unsigned long)m->last);
    m->last = now;
    double off = (double)now - m->ns;
    off = off < 0 ? -off : off;
    m->worst_off = off > m->worst_off ? off : m->worst_off;
    return now;
}

/* Looks every so many ns, for so long. */
static void live(struct machine *m, double ns, double step)
{
    m->worst_off = 0;
    for (double end = m->ns + ns; m->ns < end; pass(m, step)) {
        (void)look(m);
    }
}

Test(clock, stays_close_at_any_rate)
{
    static const double rates[] = {0.0192, 0.024, 0.0625, 1, 2.0003, 3.7, 5.9}; /* GHz */
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; ++i) {
        struct machine m;
        boot(&m, rates[i]);
        live(&m, 3e9, 9973);
        double tick = 1 / rates[i];
        cr_assert(m.worst_off < 250 + 2 * tick, "off by %g ns at %g", m.worst_off, rates[i]);
        cr_assert(m.extended < 60, "%u lines in 3 s at %g", m.extended, rates[i]);
    }
}

/* The kernel slews by 500 ppm at most, and may change its mind at once. */
Test(clock, follows_the_kernels_discipline_within_50_us)
{
    struct machine m;
    boot(&m, 2);
    live(&m, 1e9, 49999);
    for (int i = 0; i < 10; ++i) {
        m.ticks_per_ns = i % 2 == 0 ? 2 * 1.0005 : 2 / 1.0005;
        live(&m, 1.05e9, 49999);
        cr_assert(m.worst_off < 120000, "off by %g ns while it turned", m.worst_off);
        live(&m, 0.5e9, 49999);
        cr_assert(m.worst_off < 1000, "off by %g ns afterwards", m.worst_off);
    }
    m.ticks_per_ns = 2 * 1.0005;
    live(&m, 1e9, 49999);
    m.ticks_per_ns = 2; /* from the limit back to nothing: the promise of 50 us */
    live(&m, 1e9, 49999);
    cr_assert(m.worst_off < 51000, "off by %g ns", m.worst_off);
}

/* Nobody looked for an hour in which the rate was another: right at the first look. */
Test(clock, is_right_after_any_silence)
{
    struct machine m;
    boot(&m, 3);
    live(&m, 1e9, 100003);
    for (double silence = 1e6; silence < 1e13; silence *= 7) {
        m.ticks_per_ns = 3 * (1 + 1e-5);
        pass(&m, silence);
        live(&m, 1000, 100);
        cr_assert(m.worst_off < 500, "off by %g after %g", m.worst_off, silence);
        m.ticks_per_ns = 3;
        live(&m, 1e9, 100003);
        cr_assert(m.worst_off < 5000, "off by %g later", m.worst_off);
    }
}

/* The machine slept: its counter went on while CLOCK_MONOTONIC stood still, or began again at
 * nothing. */
Test(clock, survives_sleep_and_reset_of_the_counter)
{
    struct machine m;
    boot(&m, 2);
    live(&m, 1e9, 100003);

    m.ticks += 1e12; /* counted through the night */
    live(&m, 1e9, 100003);
    cr_assert(m.worst_off < 101e6, "off by %g after sleep", m.worst_off);
    live(&m, 1e9, 100003);
    cr_assert(m.worst_off < 500, "off by %g long after sleep", m.worst_off);

    m.ticks = 1000; /* woke with an empty counter */
    pass(&m, 5e6);
    live(&m, 1e9, 100003);
    cr_assert(m.worst_off < 101e6, "off by %g after reset", m.worst_off);
    live(&m, 1e9, 100003);
    cr_assert(m.worst_off < 500, "off by %g in the end", m.worst_off);
}

/* Moved to a machine whose counter runs at another rate, half or double or ten times. */
Test(clock, bears_another_rate)
{
    static const double rates[] = {3.1, 1.6, 1.9, 18};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; ++i) {
        struct machine m;
        boot(&m, 2);
        live(&m, 1e9, 10007);
        m.ticks_per_ns = rates[i];
        live(&m, 1e9, 10007); /* never backwards; a line too long is caught at its end */
        live(&m, 1e9, 10007);
        cr_assert(m.worst_off < 250000, "off by %g at %g", m.worst_off, rates[i]);
    }
}

/* Ticks read just before a line was laid mean its beginning; nothing before the first line. */
Test(clock, reads_stale_ticks_as_the_beginning_of_the_line)
{
    struct machine m = {0};
    uint64_t now = 1;
    cr_assert(!kn_clock_read(&m.clock, 12345, &now));
    boot(&m, 1);
    uint64_t start = kn_load(&m.clock.lines[1].start_ns, relaxed);
    cr_assert(kn_clock_read(&m.clock, (uint64_t)m.ticks - 1000, &now));
    cr_assert_eq(now, start);
    cr_assert(!kn_clock_read(&m.clock, (uint64_t)m.ticks + KN_CLOCK_LINE_MIN_NS + 1000, &now));
    cr_assert(now >= start + KN_CLOCK_LINE_MIN_NS - 1000);
    cr_assert(now <= start + KN_CLOCK_LINE_MIN_NS + 1000);
}

/* A line that ends at once, a counter ten times as slow, a clock that nobody has begun: what it shows stands or goes on. */
Test(clock, bears_lines_that_measure_nothing)
{
    struct machine m = {0};
    uint64_t now, then;
    cr_assert(!kn_clock_read(&m.clock, 0, &now));
    boot(&m, 2);
    then = look(&m);
    pass(&m, 100);
    kn_clock_extend(&m.clock, sample_of(&m)); /* too short to measure */
    cr_assert_geq(look(&m), then);
    live(&m, 1e9, 100003);
    m.ticks_per_ns = 0.2;
    live(&m, 1e9, 100003);
    live(&m, 1e9, 100003);
    cr_assert(m.worst_off < 250000, "off by %g", m.worst_off);
}

Test(clock, measures_lengths_of_ticks)
{
    struct machine m;
    boot(&m, 2);
    live(&m, 1e9, 100003);
    uint64_t hour = kn_clock_length(&m.clock, UINT64_C(7200000000000));
    cr_assert(hour > UINT64_C(3599990000000));
    cr_assert(hour < UINT64_C(3600010000000));
    cr_assert_eq(kn_clock_length(&m.clock, 0), 0);
}

/* The clock of this machine lies between two readings of the system's, but for the promised 50 us.
 */
Test(clock, of_the_process_agrees_with_the_system)
{
    cr_assert_eq(kn_world_init(), 0);
    uint64_t end = kn_platform_clock() + UINT64_C(400000000);
    uint64_t last = 0;
    uint64_t before;
    do {
        before = kn_platform_clock();
        uint64_t now = kn_clock_now();
        uint64_t after = kn_platform_clock();
        cr_assert(now + 50000 >= before, "%lu behind", (unsigned long)(before - now));
        cr_assert(now <= after + 50000, "%lu ahead", (unsigned long)(now - after));
        cr_assert(now >= last);
        last = now;
    } while (before < end);
}

enum { THREADS = 3, LOOKS = 200000 };

static void look_often(void *arg)
{
    uint64_t *backwards = arg;
    uint64_t last = 0;
    for (int i = 0; i < LOOKS; ++i) {
        uint64_t now = kn_clock_now();
        *backwards += now < last;
        last = now;
    }
}

/* Several threads lay lines at once: no mixture of two lines, no step back. */
Test(clock, never_runs_backwards_on_any_thread)
{
    cr_assert_eq(kn_world_init(), 0);
    struct kn_thread threads[THREADS] = {{0}};
    uint64_t backwards[THREADS] = {0};
    for (int i = 0; i < THREADS; ++i) {
        cr_assert_eq(kn_thread_start(&threads[i], "look", look_often, &backwards[i]), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        kn_thread_join(&threads[i]);
        cr_assert_eq(backwards[i], 0);
    }
}

/* Ticks become ns: a known stretch of time is as long in ticks. */
Test(clock, ticks_have_a_length)
{
    cr_assert_eq(kn_world_init(), 0);
    uint64_t from = kn_platform_clock();
    uint64_t ticks = kn_clock_ticks();
    while (kn_platform_clock() - from < 20000000) {
        kn_pause();
    }
    uint64_t ns = kn_clock_ticks_ns(kn_clock_ticks() - ticks);
    uint64_t upto = kn_platform_clock();
    cr_assert(ns <= (upto - from) + 50000);
    cr_assert(ns >= 19900000);
}
