/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam for everything that is not deterministic: clock, random numbers, thread start, park and
 * wake, yield. Release builds call the platform straight away. A simulator build (KN_SIM) sends
 * every call through the table that kn_world_install() sets, so that one thread can own time and
 * choice.
 *
 * No other file of the library asks the system for time, randomness, threads or sleep (lint:
 * seam.py).
 */
#ifndef KN_BASE_WORLD_H
#define KN_BASE_WORLD_H

#include "base/align.h"
#include "base/atomic.h"

#include <stdbool.h>
#include <stdint.h>

#define KN_NEVER UINT64_MAX /* a deadline that does not come */

struct kn_thread {
    void *handle; /* of the platform; NULL: not started */
};

/*
 * Misfortunes that the simulator may send: places of the library ask for them by kn_fault(), which is 0 in
 * every other build. What each does is said in koken/sim.h.
 */
enum kn_fault {
    KN_FAULT_ALLOC,
    KN_FAULT_THREAD,
    KN_FAULT_SPURIOUS,
    KN_FAULT_LATE_WAKE,
    KN_FAULT_CLOCK_JUMP,
    KN_FAULT_CLOCK_COARSE,
    KN_FAULT_STALL,
    KN_FAULT_STEAL,
    KN_FAULT_FULL,
    KN_FAULT_HANDLER,
    KN_FAULT_SLOW,
    KN_FAULT_TIMER_LATE,
    KN_FAULT_IO,
    KN_FAULT_WEAK,
    KN_FAULT_WRAP,
    KN_FAULT_CHANCE,
    KN_FAULT_COUNT_
};

/*
 * Calibrates the clock, once per process; costs about 200 us the first time. Thread: any.
 * Errors: -ENOTSUP the system has no monotonic clock.
 */
int kn_world_init(void);

/* The name of the clock in use: "tsc" or "clock_gettime" or "simulated". Static. */
const char *kn_clock_name(void);

/*
 * Next number of the generator whose state is *state (splitmix64: every state is good, the period
 * is 2^64). Deterministic in every build: what differs from run to run is the seed.
 */
static inline uint64_t kn_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* The state to begin with: neighbouring seeds (worker numbers) give unrelated sequences. Never 0.
 */
uint64_t kn_random_seed(uint64_t seed);

/*
 * The rest of the seam is in one of two files:
 *
 *   uint64_t kn_now(void)
 *     Nanoseconds of the monotonic clock (base/clock.h). Never backwards on one thread once
 * kn_world_init() has returned; between threads that talk, by less than 100 ns. Cost: one rdtsc
 * where the ticks can be trusted, else clock_gettime. uint64_t kn_ticks(void), kn_ticks_ns(uint64_t
 * ticks) The raw, cheapest counter, and the length of a difference of it in nanoseconds. uint64_t
 * kn_entropy(void) A number that differs from run to run (not under the simulator). For seeds only.
 *   int kn_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *), void *arg)
 *     Starts a thread; the system shows 15 characters of its name. *thread is in its zero state.
 *     Order: what precedes the call happens-before fn. Errors: -EAGAIN, -ENOMEM.
 *   void kn_thread_join(struct kn_thread *thread)
 *     Waits until fn has returned, which happens-before the return. *thread is in its zero state
 * again. void kn_thread_yield(void) int kn_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected,
 * uint64_t deadline_ns) Waits while *word == expected, until a wake or deadline_ns (absolute,
 * kn_now(); KN_NEVER for none). 0: woken, or changed, or spurious: look again. -ETIMEDOUT: kn_now()
 * has reached deadline_ns. Order: none; whoever looks again acquires. void
 * kn_futex_wake(kn_atomic(uint32_t) *word, uint32_t count) Wakes at most count waiters. *word may
 * have been freed meanwhile by one who was woken.
 */
#if defined(KN_MODEL)
#include "test/model/world_model.h"
#elif defined(KN_SIM)
#include "base/world_sim.h"
#else
#include "base/world_real.h"
#endif

#endif
