/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam for everything that is not deterministic: clock, random numbers, thread start, park and wake,
 * yield. Release builds call the platform straight away. A simulator build (KN_SIM) sends every call
 * through the table that kn_world_install() sets, so that one thread can own time and choice.
 *
 * No other file of the library asks the system for time, randomness, threads or sleep (lint: seam.py).
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

/* Calibrates the clock, once per process. Thread: any. Errors: -ENOTSUP no monotonic clock. */
int kn_world_init(void);

/* Nanoseconds on the monotonic clock. Cost: one rdtsc where the TSC is invariant, else clock_gettime. */
uint64_t kn_now(void);

/* The raw, cheapest tick counter, and the length of a difference of it in nanoseconds. */
uint64_t kn_ticks(void);
uint64_t kn_ticks_ns(uint64_t ticks);

/* The name of the clock in use: "tsc" or "clock_gettime" or "simulated". */
const char *kn_clock_name(void);

/* A number that differs from run to run (a fixed one under the simulator). For seeds only. */
uint64_t kn_entropy(void);

/* Next number of the generator whose state is *state (never 0 after kn_random_seed). */
uint64_t kn_random(uint64_t *state);
uint64_t kn_random_seed(uint64_t seed);

/* Starts a thread of that name (15 characters at most). Errors: -EAGAIN, -ENOMEM. */
int kn_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *), void *arg);
void kn_thread_join(struct kn_thread *thread);
void kn_thread_yield(void);

/*
 * Waits while *word == expected, until a wake or deadline_ns (absolute, kn_now(); KN_NEVER for none).
 * 0: woken, or changed, or spurious: look again. -ETIMEDOUT: the deadline has passed.
 */
int kn_futex_wait(kn_atomic(uint32_t) * word, uint32_t expected, uint64_t deadline_ns);
void kn_futex_wake(kn_atomic(uint32_t) * word, uint32_t count);

#ifdef KN_SIM
struct kn_world {
    uint64_t (*now)(void *self);
    uint64_t (*entropy)(void *self);
    int (*thread_start)(void *self, struct kn_thread *thread, const char *name, void (*fn)(void *), void *arg);
    void (*thread_join)(void *self, struct kn_thread *thread);
    void (*thread_yield)(void *self);
    int (*futex_wait)(void *self, kn_atomic(uint32_t) * word, uint32_t expected, uint64_t deadline_ns);
    void (*futex_wake)(void *self, kn_atomic(uint32_t) * word, uint32_t count);
    void *self;
};

/* Replaces the world; NULL brings the real one back. Only while no other thread uses the library. */
void kn_world_install(const struct kn_world *world);
#endif

#endif
