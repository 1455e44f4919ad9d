/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of builds without the simulator: the platform, straight. Included, and documented, by
 * base/world.h and by nothing else.
 */
#ifndef KN_BASE_WORLD_REAL_H
#define KN_BASE_WORLD_REAL_H

#include "base/clock.h"
#include "base/platform/platform.h"

struct kn_thread;

static inline uint64_t kn_now(void)
{
    return kn_clock_now();
}

static inline uint64_t kn_ticks(void)
{
    return kn_clock_ticks();
}

static inline uint64_t kn_ticks_ns(uint64_t ticks)
{
    return kn_clock_ticks_ns(ticks);
}

static inline uint64_t kn_entropy(void)
{
    return kn_platform_entropy();
}

static inline int kn_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *),
                                  void *arg)
{
    return kn_platform_thread_start(thread, name, fn, arg);
}

static inline void kn_thread_join(struct kn_thread *thread)
{
    kn_platform_thread_join(thread);
}

static inline void kn_thread_yield(void)
{
    kn_platform_thread_yield();
}

static inline int kn_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns)
{
    return kn_clock_wait(word, expected, deadline_ns);
}

static inline void kn_futex_wake(kn_atomic(uint32_t) *word, uint32_t count)
{
    kn_platform_futex_wake(word, count);
}

/* ---- what only a simulated world has ---------------------------------------------------------- */

static inline bool kn_world_is_simulated(void)
{
    return false;
}

static inline uint64_t kn_fault(enum kn_fault kind)
{
    (void)kind;
    return 0;
}

static inline int kn_io_wait(uint64_t deadline_ns)
{
    (void)deadline_ns;
    return 0;
}

static inline void kn_note(const char *what, const char *name, uint64_t a, uint64_t b)
{
    (void)what;
    (void)name;
    (void)a;
    (void)b;
}

static inline unsigned kn_world_cpus(void)
{
    return 0;
}

static inline void kn_world_panic(const char *what, const char *file, int line)
{
    (void)what;
    (void)file;
    (void)line;
}

#define KN_TLS_SIMULATED(name) _Static_assert(sizeof(name) > 0, "of threads that the system has")
#define KN_GLOBAL_SIMULATED(name) _Static_assert(sizeof(name) > 0, "of a process that runs once")

#endif
