/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The atomics of a source that orders what its users do, in a build with KOKEN_TSAN_AGENTS: compiled without
 * instrumentation, it tells ThreadSanitizer of each acquire and release. Sources that only move the library's own data
 * (mailbox, scheduler, pools) do without: there each worker would tell each agent what all others have done.
 */
#ifndef KN_BASE_ATOMIC_EDGES_H
#define KN_BASE_ATOMIC_EDGES_H

#include "base/edges.h"

#define KN_IN_relaxed(p) ((void)(p))
#define KN_IN_release(p) ((void)(p))
#define KN_IN_acquire(p) kn_take_over((const void *)(uintptr_t)(p))
#define KN_IN_acq_rel(p) KN_IN_acquire(p)
#define KN_IN_seq_cst(p) KN_IN_acquire(p)
#define KN_OUT_relaxed(p) ((void)(p))
#define KN_OUT_acquire(p) ((void)(p))
#define KN_OUT_release(p) kn_hand_over((const void *)(uintptr_t)(p))
#define KN_OUT_acq_rel(p) KN_OUT_release(p)
#define KN_OUT_seq_cst(p) KN_OUT_release(p)

#define kn_load(p, mo)                                                                             \
    __extension__({                                                                                \
        __auto_type p_ = (p);                                                                      \
        __auto_type v_ = atomic_load_explicit(p_, memory_order_##mo);                              \
        KN_IN_##mo(p_);                                                                            \
        v_;                                                                                        \
    })
#define kn_store(p, v, mo)                                                                         \
    __extension__({                                                                                \
        __auto_type p_ = (p);                                                                      \
        KN_OUT_##mo(p_);                                                                           \
        atomic_store_explicit(p_, (v), memory_order_##mo);                                         \
    })
#define KN_RMW(p, op, mo, ...)                                                                     \
    __extension__({                                                                                \
        __auto_type p_ = (p);                                                                      \
        KN_OUT_##mo(p_);                                                                           \
        __auto_type v_ = op(p_, __VA_ARGS__);                                                      \
        KN_IN_##mo(p_);                                                                            \
        v_;                                                                                        \
    })
#define kn_swap(p, v, mo) KN_RMW(p, atomic_exchange_explicit, mo, v, memory_order_##mo)
#define kn_cas_weak(p, expected, v, mo_ok, mo_fail)                                                \
    KN_RMW(p, atomic_compare_exchange_weak_explicit, mo_ok, expected, v, memory_order_##mo_ok,     \
           memory_order_##mo_fail)
#define kn_cas_strong(p, expected, v, mo_ok, mo_fail)                                              \
    KN_RMW(p, atomic_compare_exchange_strong_explicit, mo_ok, expected, v, memory_order_##mo_ok,   \
           memory_order_##mo_fail)
#define kn_add(p, v, mo) KN_RMW(p, atomic_fetch_add_explicit, mo, v, memory_order_##mo)
#define kn_sub(p, v, mo) KN_RMW(p, atomic_fetch_sub_explicit, mo, v, memory_order_##mo)
#define kn_or(p, v, mo) KN_RMW(p, atomic_fetch_or_explicit, mo, v, memory_order_##mo)
#define kn_and(p, v, mo) KN_RMW(p, atomic_fetch_and_explicit, mo, v, memory_order_##mo)

#endif
