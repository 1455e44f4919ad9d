/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P6: what is ready runs within a bound. In simulator builds the places where runnables wait tell of each that comes
 * and goes, and sched/sim/fair.c counts what their workers run meanwhile; a wait beyond the bound of DESIGN.md,
 * "Fairness", ends the run as failed. In all other builds, and outside of runs, these calls are empty.
 *
 *   ready --put--> in a place --take--> in a hand --run--> runs
 *                      ^                    |
 *                      +--------put---------+
 *
 * They are no points of the schedule: to the other threads of the simulation the call is part of the access before
 * it, which is the one that decides who has the runnable.
 */
#ifndef KN_SCHED_FAIR_H
#define KN_SCHED_FAIR_H

#include <stdint.h>

/* Of an await that is a call (actors/call.h), when the last step of a turn begins it. */
enum { KN_CALL_STEPS = 2 };

/* Steps that one of those before it may cost a runnable, in a worker's own queue, when all are of the normal level. */
static inline uint64_t kn_fair_turn(unsigned budget)
{
    return 2 * ((uint64_t)budget + KN_CALL_STEPS);
}

struct kn_runnable;
struct kn_runq;
struct kn_sched;
struct kn_worker;

#ifdef KN_SIM

/* The scheduler's workers are looked at from here on; no longer. */
void kn_fair_begin(const struct kn_sched *sched);
void kn_fair_end(const struct kn_sched *sched);

/* It waits in that place (the address of a queue, slot, or level), behind so many others. */
void kn_fair_put(const void *place, const struct kn_runnable *runnable, uint32_t ahead);

/* It has left that place; NULL is nobody. */
void kn_fair_take(const void *place, const struct kn_runnable *runnable);

/* So many have left the victim's queue; all but the last have come to mine, where they stand from base on. */
void kn_fair_steal(const struct kn_runq *victim, const struct kn_runq *mine, uint32_t base,
                   uint32_t count);

/* It runs on that worker; NULL: a step that the dispatch loop has not seen. */
void kn_fair_run(const struct kn_worker *worker, const struct kn_runnable *runnable);

#else

static inline void kn_fair_begin(const struct kn_sched *sched)
{
    (void)sched;
}

static inline void kn_fair_end(const struct kn_sched *sched)
{
    (void)sched;
}

static inline void kn_fair_put(const void *place, const struct kn_runnable *runnable,
                               uint32_t ahead)
{
    (void)place;
    (void)runnable;
    (void)ahead;
}

static inline void kn_fair_take(const void *place, const struct kn_runnable *runnable)
{
    (void)place;
    (void)runnable;
}

static inline void kn_fair_steal(const struct kn_runq *victim, const struct kn_runq *mine,
                                 uint32_t base, uint32_t count)
{
    (void)victim;
    (void)mine;
    (void)base;
    (void)count;
}

static inline void kn_fair_run(const struct kn_worker *worker, const struct kn_runnable *runnable)
{
    (void)worker;
    (void)runnable;
}

#endif

#endif
