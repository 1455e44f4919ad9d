/* SPDX-License-Identifier: Apache-2.0 */
/* The calibrated clock. The argument is in base/clock.h. */
#include "base/clock.h"

#include "base/align.h"
#include "base/assert.h"
#include "base/platform/platform.h"
#include "base/platform/ticks.h"

#include <errno.h>

__extension__ typedef unsigned __int128 uint128;

enum {
    SAMPLE_TRIES = 4,      /* the best of so many: an interrupt in between spoils one */
    STRETCH_MIN_NS = 1000, /* in a shorter one there is nothing but the sample's own error */
    SURPRISE = 1000,       /* a slope off by more than 1/1000 is no drift; something happened */
    TICKS_MIN = 2000,      /* in KN_CLOCK_LINE_MIN_NS, 10 MHz: a slower counter is too coarse */
};

/* A longer stretch may hide a sleep of the machine, during which the two clocks part. */
#define STRETCH_MAX_NS UINT64_C(4000000000)

/* Ticks before the line by less than this were read before it was laid; by more: a reset. */
#define BEFORE_MAX (UINT64_C(1) << 32)

static struct kn_clock process_clock = {0};

static uint64_t scale(uint64_t ticks, uint64_t slope)
{
    return (uint64_t)((uint128)ticks * slope >> 32);
}

/* ns per tick as 32.32. ns is below 2^32. */
static uint64_t slope_of(uint64_t ns, uint64_t ticks)
{
    KN_ASSERT(ns <= UINT32_MAX);
    KN_ASSERT(ticks > 0);
    return (ns << 32) / ticks;
}

/* Writes a line to the place not in use, then makes it the current one. */
static void publish(struct kn_clock *clock, uint64_t start_ticks, uint64_t start_ns, uint64_t slope,
                    uint64_t length)
{
    KN_ASSERT(slope > 0);
    KN_ASSERT(length > 0);
    uint32_t version = kn_load(&clock->version, relaxed) + 1; /* relaxed: only we write it */
    struct kn_clock_line *line = &clock->lines[version % 2];
    /*
     * [BC2] release: who reads one of these values also sees that the version has left this place,
     * which happened before: a mix of two lines is noticed. Pairs with the acquires in
     * kn_clock_read().
     */
    kn_store(&line->start_ticks, start_ticks, release);
    kn_store(&line->start_ns, start_ns, release);
    kn_store(&line->slope, slope, release);
    kn_store(&line->length, length, release);
    /* [BC1] release: the whole line. Pairs with the acquire in read_line(). */
    kn_store(&clock->version, version, release);
}

void kn_clock_begin(struct kn_clock *clock, struct kn_clock_sample first,
                    struct kn_clock_sample second)
{
    KOKEN_CHECK(second.ticks > first.ticks);
    KOKEN_CHECK(second.ns > first.ns);
    clock->slope = slope_of(second.ns - first.ns, second.ticks - first.ticks);
    clock->last = second;
    publish(clock, second.ticks, second.ns, clock->slope,
            ((uint64_t)KN_CLOCK_LINE_MIN_NS << 32) / clock->slope);
}

/*
 * Measures the slope over the stretch since the last sample, and says how long a line it can carry.
 * The minimum when it cannot be relied on: a machine that slept, a counter that was reset or
 * changed its rate.
 */
static uint64_t measure(struct kn_clock *clock, struct kn_clock_sample sample)
{
    KN_ASSERT(sample.ns >= clock->last.ns);
    uint64_t ns = sample.ns - clock->last.ns;
    uint64_t old = clock->slope;
    if (sample.ticks <= clock->last.ticks || ns < STRETCH_MIN_NS || ns > STRETCH_MAX_NS) {
        return KN_CLOCK_LINE_MIN_NS;
    }
    /* By a factor of two at most: one bad stretch must not lay a line that holds for minutes. */
    uint64_t slope = slope_of(ns, sample.ticks - clock->last.ticks);
    slope = slope > old / 2 ? slope : old / 2 + 1;
    slope = slope / 2 < old ? slope : old * 2;
    clock->slope = slope;
    if ((slope > old ? slope - old : old - slope) > old / SURPRISE) {
        return KN_CLOCK_LINE_MIN_NS;
    }
    return 2 * ns < KN_CLOCK_LINE_MAX_NS ? 2 * ns : KN_CLOCK_LINE_MAX_NS;
}

/* Where the current line ends. Relaxed: only we, who hold the exclusion, write lines. */
static uint64_t end_of_line(struct kn_clock *clock)
{
    struct kn_clock_line *line = &clock->lines[kn_load(&clock->version, relaxed) % 2];
    return kn_load(&line->start_ns, relaxed) +
           scale(kn_load(&line->length, relaxed), kn_load(&line->slope, relaxed));
}

void kn_clock_extend(struct kn_clock *clock, struct kn_clock_sample sample)
{
    uint64_t end = end_of_line(clock);
    uint64_t length_ns = measure(clock, sample);
    uint64_t start_ns = end > sample.ns ? end : sample.ns;

    /* Ahead of the system's clock: less steep, to meet it at the end, but never below half speed.
     */
    uint64_t ahead = start_ns - sample.ns;
    uint64_t lose = ahead < length_ns / 2 ? ahead : length_ns / 2;
    uint64_t slope = clock->slope - (uint64_t)((uint128)clock->slope * lose / length_ns);
    clock->last = sample;
    publish(clock, sample.ticks, start_ns, slope, (length_ns << 32) / clock->slope);
}

/* Inline into kn_clock_now(): a call and a result in memory were 3 of its 25 ns. */
static KN_ALWAYS_INLINE bool read_line(struct kn_clock *clock, uint64_t ticks, uint64_t *ret_ns)
{
    uint64_t start_ticks, start_ns, slope, length;
    uint32_t version;
    do { /* ends: the version moves once per line */
        /* [BC1] acquire: the line that this version names. Pairs with publish(). */
        version = kn_load(&clock->version, acquire);
        struct kn_clock_line *line = &clock->lines[version % 2];
        /* [BC2] acquire: a value of the line after the next brings its version with it. publish().
         */
        start_ticks = kn_load(&line->start_ticks, acquire);
        start_ns = kn_load(&line->start_ns, acquire);
        slope = kn_load(&line->slope, acquire);
        length = kn_load(&line->length, acquire);
        /* Relaxed: the acquires above keep it behind them. */
    } while (kn_unlikely(kn_load(&clock->version, relaxed) != version));

    uint64_t passed = ticks - start_ticks;
    if (kn_likely(passed < length)) {
        *ret_ns = start_ns + scale(passed, slope);
        return true;
    }
    bool before = start_ticks - ticks < BEFORE_MAX && length > 0;
    *ret_ns = before ? start_ns : start_ns + scale(length, slope);
    return before;
}

bool kn_clock_read(struct kn_clock *clock, uint64_t ticks, uint64_t *ret_ns)
{
    return read_line(clock, ticks, ret_ns);
}

uint64_t kn_clock_length(struct kn_clock *clock, uint64_t ticks)
{
    /* Relaxed: any slope will do, they differ by some millionths. */
    uint32_t version = kn_load(&clock->version, relaxed);
    return scale(ticks, kn_load(&clock->lines[version % 2].slope, relaxed));
}

/* Both clocks at once: the tightest of a few tries, the system's clock read between two ticks. */
static struct kn_clock_sample take_sample(void)
{
    struct kn_clock_sample best = {0, 0};
    uint64_t tightest = UINT64_MAX;
    for (int i = 0; i < SAMPLE_TRIES; ++i) {
        uint64_t before = kn_platform_ticks();
        uint64_t ns = kn_platform_clock();
        uint64_t width = kn_platform_ticks() - before;
        if (width < tightest) {
            tightest = width;
            best = (struct kn_clock_sample){.ticks = before + width / 2, .ns = ns};
        }
    }
    return best;
}

/* Beyond the end of the line: lays the next one, unless somebody is at it. */
KN_NOINLINE static uint64_t read_beyond(struct kn_clock *clock)
{
    uint64_t now;
    uint32_t free = 0;
    /* [BC3] acquire: what the last holder left in the (w) fields. Pairs with the release below. */
    if (!kn_cas_strong(&clock->busy, &free, 1, acquire, relaxed)) {
        (void)kn_clock_read(clock, kn_platform_ticks(), &now);
        return now; /* on the new line, or at the end of the old one: time stands still for a moment
                     */
    }
    if (!kn_clock_read(clock, kn_platform_ticks(), &now)) {
        kn_clock_extend(clock, take_sample());
        (void)kn_clock_read(clock, kn_platform_ticks(), &now);
    }
    kn_store(&clock->busy, 0, release); /* [BC3] the (w) fields, to the next holder. */
    return now;
}

/* Relaxed: it says whether to look at ticks at all; read_line() acquires the line. */
bool kn_clock_uses_ticks(void)
{
    return kn_load(&process_clock.version, relaxed) != 0;
}

uint64_t kn_clock_now(void)
{
    uint64_t now;
    if (kn_unlikely(!kn_clock_uses_ticks())) {
        return kn_platform_clock();
    }
    if (kn_likely(read_line(&process_clock, kn_platform_ticks(), &now))) {
        return now;
    }
    return read_beyond(&process_clock);
}

uint64_t kn_clock_ticks(void)
{
    return kn_likely(kn_clock_uses_ticks()) ? kn_platform_ticks() : kn_platform_clock();
}

uint64_t kn_clock_ticks_ns(uint64_t ticks)
{
    return kn_likely(kn_clock_uses_ticks()) ? kn_clock_length(&process_clock, ticks) : ticks;
}

/*
 * The kernel's clock and ours differ by up to 50 us, and a promise about time refers to ours. So
 * the deadline is carried over as what is left of it, and the kernel's word that it has passed is
 * checked: at most once or twice, because what is left then is what the two clocks differ by.
 */
int kn_clock_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX) {
        return kn_platform_futex_wait(word, expected, UINT64_MAX);
    }
    for (;;) { /* ended by our clock */
        /* Relaxed: only to prefer "changed" to "timed out"; the caller looks again. */
        if (kn_load(word, relaxed) != expected) {
            return 0;
        }
        uint64_t now = kn_clock_now();
        if (now >= deadline_ns) {
            return -ETIMEDOUT;
        }
        uint64_t left = deadline_ns - now;
        uint64_t system_now = kn_platform_clock();
        uint64_t deadline = left < UINT64_MAX - system_now ? system_now + left : UINT64_MAX;
        if (kn_platform_futex_wait(word, expected, deadline) != -ETIMEDOUT) {
            return 0;
        }
    }
}

void kn_clock_calibrate(void)
{
    if (!kn_platform_ticks_are_steady() || !kn_platform_trusts_ticks()) {
        return;
    }
    struct kn_clock_sample first = take_sample();
    while (kn_platform_clock() - first.ns < KN_CLOCK_LINE_MIN_NS) { /* ends by time */
        kn_pause();
    }
    struct kn_clock_sample second = take_sample();
    if (second.ticks - first.ticks >= TICKS_MIN) {
        kn_clock_begin(&process_clock, first, second);
    }
}
