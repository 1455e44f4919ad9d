/* SPDX-License-Identifier: Apache-2.0 */
/* The world of model builds. Included, and documented, by base/world.h and by nothing else. */
#ifndef KN_TEST_MODEL_WORLD_MODEL_H
#define KN_TEST_MODEL_WORLD_MODEL_H

#include "base/atomic.h"

#include <stdint.h>

/* A model's setup sets all that lives longer than an execution. */
#define KN_GLOBAL_SIMULATED(name) _Static_assert(sizeof(name) > 0, "set by the setup")

#define KN_TLS_SIMULATED(name) _Static_assert(sizeof(name) > 0, "kn_model_thread_local()")

struct kn_thread;

uint64_t kn_now(void);
uint64_t kn_ticks(void); /* of the model, if it needs them */
uint64_t kn_ticks_ns(uint64_t ticks);
int kn_thread_start(struct kn_thread *thread, const char *name, void (*fn)(void *), void *arg);
void kn_thread_join(struct kn_thread *thread);
void kn_thread_yield(void);
int kn_futex_wait(kn_atomic(uint32_t) *word, uint32_t expected, uint64_t deadline_ns);
void kn_model_wake(kn_atomic(uint32_t) *word, uint32_t count, struct kn_site *site);
void kn_model_membarrier(struct kn_site *site);

/* With its place in the source, so that a mutant can leave it out. */
#define kn_futex_wake(word, count)                                                                 \
    kn_model_wake(word, count, KN_SITE_(KN_OP_WAKE, #word, relaxed, relaxed))

#endif
