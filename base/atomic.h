/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The atomics seam: every atomic access of koken is written with these words, so that a model build
 * (KN_MODEL) can route each one, with its order, into the explorer. In all other builds a word is
 * the C11 operation of the same name and costs nothing.
 *
 * The order is a bare word: kn_load(&x, acquire). Allowed: relaxed, acquire, release, acq_rel,
 * seq_cst. Every non-relaxed access carries a tag in a comment, [MB1], found at both ends.
 */
#ifndef KN_BASE_ATOMIC_H
#define KN_BASE_ATOMIC_H

#ifdef KN_MODEL
#include "test/model/atomic_model.h"
#else

#include <stdatomic.h>

#define kn_atomic(T) _Atomic(T)

#if defined(KN_SIM)
#include "base/atomic_sim.h"
#elif defined(KN_TSAN_EDGES)
#include "base/atomic_edges.h"
#else

#define kn_load(p, mo) atomic_load_explicit((p), memory_order_##mo)
#define kn_store(p, v, mo) atomic_store_explicit((p), (v), memory_order_##mo)
#define kn_swap(p, v, mo) atomic_exchange_explicit((p), (v), memory_order_##mo)

/* Compare and swap; on failure *expected holds what was found. Weak may fail without a reason. */
#define kn_cas_weak(p, expected, v, mo_ok, mo_fail)                                                \
    atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_##mo_ok,              \
                                          memory_order_##mo_fail)
#define kn_cas_strong(p, expected, v, mo_ok, mo_fail)                                              \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_##mo_ok,            \
                                            memory_order_##mo_fail)

/* Each returns the value before the operation. */
#define kn_add(p, v, mo) atomic_fetch_add_explicit((p), (v), memory_order_##mo)
#define kn_sub(p, v, mo) atomic_fetch_sub_explicit((p), (v), memory_order_##mo)
#define kn_or(p, v, mo) atomic_fetch_or_explicit((p), (v), memory_order_##mo)
#define kn_and(p, v, mo) atomic_fetch_and_explicit((p), (v), memory_order_##mo)

#endif /* KN_SIM, KN_TSAN_EDGES */

/* A full fence: only where a DESIGN.md decision names it. It never carries data (TSan is blind to
 * it). */
#define kn_fence_seq_cst() atomic_thread_fence(memory_order_seq_cst)

/* The light half of an asymmetric fence: orders the compiler only; kn_membarrier() does the rest.
 */
#define kn_fence_light() atomic_signal_fence(memory_order_seq_cst)

/* Before any thread can see the object. */
#define kn_atomic_init(p, v) atomic_init((p), (v))

/* A length or a number of rounds; the second is what a model makes of it, to stay finite. */
#define KN_MODEL_SIZE(n, in_model) (n)

/* True in the n-th mutant of a model build (test/model/MUTANTS.md), else nothing at all. */
#define KN_MUTANT(n) 0

#endif /* KN_MODEL */

/* A hint to the core inside a bounded spin. */
static inline void kn_pause(void)
{
#if defined(KN_MODEL)
    kn_model_pause();
#elif defined(KN_SIM)
    kn_sim_pause();
#elif defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
