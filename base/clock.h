/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calibrated clock: CLOCK_MONOTONIC, computed from the processor's tick counter.
 *
 * Time is a chain of straight lines over the ticks. Each line begins where a sample of both clocks
 * was taken and holds for a length; whoever reads the clock beyond the end takes the next sample
 * and lays the next line, so no thread has to wake up to keep the clock right, and an idle process
 * costs nothing.
 *
 *   Close. A line is at most twice as long as the stretch its slope was measured over (at first 200
 * us, doubling up to 100 ms), so the error at its end is a few times that of a sample, some 100 ns;
 * what the kernel's discipline of CLOCK_MONOTONIC can add within 100 ms is 50 us (500 ppm, its own
 * limit).
 *
 *   Never backwards. No line is read beyond its end, and the next one starts no lower than that
 * end. So the clock is one monotone function of the ticks, the same for all threads. Where it got
 * ahead of CLOCK_MONOTONIC, the next line is less steep; where it fell behind, the next line starts
 * higher.
 *
 *   After a sleep of the machine, when the counter has gone on or begun anew, the clock can be
 * ahead by what was left of the line, 100 ms; at half speed it meets CLOCK_MONOTONIC 200 ms later.
 *
 *   No lock. There are two places for a line; a new one is written to the place that is not in use,
 * then `version` is moved. A reader whose place was overwritten sees another version and reads
 * again: at most once per line. Whoever finds another thread laying the next line does not wait for
 * it: for that moment time stands still at the end of the old one.
 *
 *               read   extend        X: needs mutual exclusion (kn_clock_now takes `busy`)
 *   read          -      -           -: none
 *   extend        -      X           Progress: read is lock-free, kn_clock_now too.
 */
#ifndef KN_BASE_CLOCK_H
#define KN_BASE_CLOCK_H

#include "base/align.h"
#include "base/atomic.h"

#include <stdbool.h>
#include <stdint.h>

/* Both clocks at one moment. */
struct kn_clock_sample {
    uint64_t ticks;
    uint64_t ns;
};

/* Keys: (a) atomic, published by the version; (w) whoever holds busy. */
struct kn_clock_line {
    kn_atomic(uint64_t) start_ticks; /* (a) */
    kn_atomic(uint64_t) start_ns;    /* (a) */
    kn_atomic(uint64_t) slope;       /* (a) ns per tick, 32 bits before the point and 32 behind */
    kn_atomic(uint64_t) length;      /* (a) ticks; 0: no line, look at the system's clock */
};

struct kn_clock {
    KN_ALIGNED(KN_FALSE_SHARING)
    kn_atomic(uint32_t) version; /* (a) lines[version % 2] is the current one */
    kn_atomic(uint32_t) busy;    /* (a) 1: somebody is laying the next line */
    struct kn_clock_line lines[2];
    struct kn_clock_sample last; /* (w) where the current line begins */
    uint64_t slope;              /* (w) as measured; the line itself may be less steep */
};

enum {
    KN_CLOCK_LINE_MIN_NS = 200 * 1000,
    KN_CLOCK_LINE_MAX_NS = 100 * 1000 * 1000,
};

/* Lays the first line, from two samples at least KN_CLOCK_LINE_MIN_NS apart. One thread. */
void kn_clock_begin(struct kn_clock *clock, struct kn_clock_sample first,
                    struct kn_clock_sample second);

/* Lays the next line, beginning at a fresh sample. Needs exclusion: busy, or one thread. */
void kn_clock_extend(struct kn_clock *clock, struct kn_clock_sample sample);

/* The time at those ticks: exact when true; when false, ticks lie beyond the line, and it is its
 * end. */
bool kn_clock_read(struct kn_clock *clock, uint64_t ticks, uint64_t *ret_ns);

/* Length of a difference of ticks, at the slope measured last. */
uint64_t kn_clock_length(struct kn_clock *clock, uint64_t ticks);

/* The clock of the process. Before kn_clock_calibrate, and where ticks cannot be trusted, the
 * system's. */
uint64_t kn_clock_now(void);
uint64_t kn_clock_ticks(void);
uint64_t kn_clock_ticks_ns(uint64_t ticks);
bool kn_clock_uses_ticks(void);

/* kn_platform_futex_wait with a deadline on this clock: -ETIMEDOUT is never early. */
int kn_clock_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns);

/* Calibrates it if the ticks can be trusted, in about 200 us. Once, by one thread. */
void kn_clock_calibrate(void);

#endif
