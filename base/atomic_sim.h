/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of base/atomic.h in simulator builds (KN_SIM): the C11 operation, and before it a point at
 * which the simulator may let another of its threads go on. Values are computed before the point, so what
 * lies between reading and writing can be interrupted as on a machine. Included by base/atomic.h only.
 *
 * One OS thread, one operation after the other: orders weaker than seq_cst are not weaker here. That is
 * what test/model is for.
 */
#ifndef KN_BASE_ATOMIC_SIM_H
#define KN_BASE_ATOMIC_SIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Written by the simulator's own thread only; without a simulation is_on is false for ever. */
struct kn_sim_steps {
    bool is_on;
    uint64_t now;  /* points passed: the simulation's steps, and what its clock counts */
    uint64_t next; /* the point at which the simulator wants to be asked */
};
extern struct kn_sim_steps kn_sim_steps;

void kn_sim_point(void);      /* the simulator decides who goes on */
void kn_sim_pause(void);      /* the same, and this thread only waits for another */
bool kn_sim_weak_fails(void); /* whether a weak compare and swap fails for no reason */

static inline void kn_point(void)
{
    if (__builtin_expect(kn_sim_steps.is_on, 0) && ++kn_sim_steps.now >= kn_sim_steps.next) {
        kn_sim_point();
    }
}

#define kn_load(p, mo) (kn_point(), atomic_load_explicit((p), memory_order_##mo))
#define kn_store(p, v, mo)                                                                         \
    __extension__({                                                                                \
        __typeof__((void)0, *(p)) kn_value_ = (v);                                                 \
        kn_point();                                                                                \
        atomic_store_explicit((p), kn_value_, memory_order_##mo);                                  \
    })
#define KN_SIM_RMW(operation, p, v, mo)                                                            \
    __extension__({                                                                                \
        __typeof__((void)0, *(p)) kn_operand_ = (v);                                               \
        kn_point();                                                                                \
        operation((p), kn_operand_, memory_order_##mo);                                            \
    })
#define kn_swap(p, v, mo) KN_SIM_RMW(atomic_exchange_explicit, p, v, mo)
#define kn_add(p, v, mo) KN_SIM_RMW(atomic_fetch_add_explicit, p, v, mo)
#define kn_sub(p, v, mo) KN_SIM_RMW(atomic_fetch_sub_explicit, p, v, mo)
#define kn_or(p, v, mo) KN_SIM_RMW(atomic_fetch_or_explicit, p, v, mo)
#define kn_and(p, v, mo) KN_SIM_RMW(atomic_fetch_and_explicit, p, v, mo)

#define kn_cas_strong(p, expected, v, mo_ok, mo_fail)                                              \
    __extension__({                                                                                \
        __typeof__((void)0, *(p)) kn_desired_ = (v);                                               \
        kn_point();                                                                                \
        atomic_compare_exchange_strong_explicit((p), (expected), kn_desired_,                      \
                                                memory_order_##mo_ok, memory_order_##mo_fail);     \
    })
#define kn_cas_weak(p, expected, v, mo_ok, mo_fail)                                                \
    (kn_sim_weak_fails() ? (*(expected) = kn_load(p, mo_fail), false)                              \
                         : kn_cas_strong(p, expected, v, mo_ok, mo_fail))

#endif
