/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The explorer: a stateless model checker for the project's own lock-free sources. DESIGN.md beside
 * this folder says which memory model it implements and what it leaves out.
 *
 * A scenario is a setup, up to five threads, and a check. The explorer runs it again and again, each
 * time with another choice of who goes next and which store each load reads, until there is no other
 * choice. What fails: KOKEN_CHECK or KN_ASSERT, a data race, a deadlock, a livelock, a use of freed
 * memory. The failing execution is run once more and printed.
 */
#ifndef KN_TEST_MODEL_LIB_MODEL_H
#define KN_TEST_MODEL_LIB_MODEL_H

#include "base/assert.h"
#include "base/atomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KN_MODEL_THREADS = 5 };

struct kn_scenario {
    const char *name;
    void (*setup)(void);
    void (*threads[KN_MODEL_THREADS])(void);
    void (*check)(void);  /* after all have ended, sees all they did; or NULL */
    const char *outcomes; /* litmus: the sorted set that kn_model_outcome() must give */
    uint64_t limit;       /* stop after so many interleavings, 0: the default */
    uint32_t may_sleep;   /* bit per thread: it may be asleep at the end */
    bool orders_stores;   /* stores are in the order of execution: fewer interleavings */
};

/* Runs the scenarios (the last has no name). The program's exit status. */
int kn_model_main(int argc, char **argv, const struct kn_scenario *scenarios);

/* Of a litmus test, in its check: adds to the set of outcomes. */
void kn_model_outcome(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number of the calling thread; KN_MODEL_THREADS in setup and check. */
unsigned kn_model_self(void);

/* A choice among n that the explorer makes. */
unsigned kn_model_choose(unsigned n);

/* Ends this execution without a verdict: it is of no interest. */
_Noreturn void kn_model_discard(void);

/* Memory from now on not to be touched. */
void kn_model_free(void *p, size_t size);

/* A thread-local variable: each thread of the model has its own, which begins as it is now. */
void kn_model_thread_local(void *p, size_t size);

/* What lies at p, without any order: for a read that is thrown away if it was too late. */
uint64_t kn_model_peek(const void *p);

/* A plain access, said by hand (the compiler says the others). */
void kn_model_plain(const volatile void *p, size_t size, bool is_write);

/* Fences that litmus tests need and koken does not. */
#define kn_fence_acquire() KN_FENCE_(KN_OP_FENCE, acquire)
#define kn_fence_release() KN_FENCE_(KN_OP_FENCE, release)

#endif
