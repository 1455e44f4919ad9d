/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of simulator builds: every call of base/world.h goes through a table, so that one
 * thread can own time and choice. Without a table it is the real world, as in all other
 * builds. Included by base/world.h and by nothing else.
 */
#ifndef KN_BASE_WORLD_SIM_H
#define KN_BASE_WORLD_SIM_H

#include "base/atomic.h"

#include <stdint.h>

struct kn_thread;

struct kn_world {
    void *self; /* first argument of all */
    uint64_t (*now)(void *self);
    uint64_t (*entropy)(void *self);
    int (*thread_start)(void *self, struct kn_thread *thread, const char *name, void (*fn)(void *),
                        void *arg);
    void (*thread_join)(void *self, struct kn_thread *thread);
    void (*thread_yield)(void *self);
    int (*futex_wait)(void *self, kn_atomic(uint32_t) *word, uint32_t expected,
                      uint64_t deadline_ns);
    void (*futex_wake)(void *self, kn_atomic(uint32_t) *word, uint32_t count);
};

/*
 * Replaces the world by a table in which every function is set; NULL brings the real one back. The
 * caller keeps the table alive. Only while no other thread uses the library.
 */
void kn_world_install(const struct kn_world *keep_world);

uint64_t kn_now(void);
uint64_t kn_ticks(void);
uint64_t kn_ticks_ns(uint64_t ticks);
uint64_t kn_entropy(void);
int kn_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *), void *arg);
void kn_thread_join(struct kn_thread *thread);
void kn_thread_yield(void);
int kn_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns);
void kn_futex_wake(kn_atomic(uint32_t) *word, uint32_t count);

#endif
