/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alarms: timers that no worker can hold up. A timer of a wheel waits for its worker, which may be in one step for
 * seconds; an alarm is called back by whoever has time: any worker that looks at its clock, one that sleeps, or, if
 * all of them are kept, sysmon. All alarms of a scheduler are on one wheel under a lock. For deadlines that must hold
 * while others compute, and are few beside the work; messages and awaits use the workers' own wheels (timer.h).
 *
 *      IDLE --set--> SET --due--> fn(self, worker or NULL, true)
 *                     |
 *                     +--cancel, or the scheduler's end--> fn(self, worker or NULL, false)
 *
 * Called back exactly once per set, never early, with no lock held. Late by less than a beat of some worker (61
 * dispatches, 100 us) or one period of sysmon (0.5 to 5 ms) when only kept workers are awake.
 */
#ifndef KN_SCHED_ALARM_H
#define KN_SCHED_ALARM_H

#include "base/atomic.h"
#include "sched/lock.h"
#include "sched/timer.h"

struct kn_sched;
struct kn_worker;
struct kn_alarms;

/* From set to the call of fn it belongs to the scheduler: its memory must stay. */
struct kn_alarm {
    struct kn_timer timer;
    /* worker: who calls, NULL for sysmon, a thread without one, and at the end. May set the alarm again. */
    void (*fn)(struct kn_alarm *self, struct kn_worker *worker, bool is_due);
    struct kn_alarms *alarms; /* (m) */
    struct kn_alarm *next;    /* (m) rung, then of who calls */
    bool is_due;              /* (m) rung, then of who calls */
};

/* (m) under the lock, (a) atomic. */
struct kn_alarms {
    KN_ALIGNED(KN_FALSE_SHARING)
    kn_atomic(uint64_t) next_ns; /* (a) the first deadline; written under the lock */
    kn_atomic(uint32_t) ringing; /* (a) threads in kn_alarms_ring() */
    KN_ALIGNED(KN_FALSE_SHARING) struct kn_lock lock;
    struct kn_alarm *rung, *rung_last; /* (m) taken off the wheel, to be called */
    struct kn_wheel wheel;             /* (m) */
};

void kn_alarms_init(struct kn_alarms *alarms, uint64_t now);

/* Calls all that are set, as not due. Thread: who stops the scheduler, when nobody sets any more. */
void kn_alarms_fini(struct kn_alarms *alarms);

/* Calls what is due at now. worker: the caller's, or NULL. Thread: any, holding no lock. */
void kn_alarms_ring(struct kn_alarms *alarms, struct kn_worker *worker, uint64_t now);

/* The first deadline, KN_NEVER: none. A hint: only its setter is sure to see a deadline just set. Thread: any. */
static inline uint64_t kn_alarms_next(const struct kn_alarms *alarms)
{
    /* Relaxed: who acts on it takes the lock; who sets an alarm reads it again before it rests. */
    return kn_load(&alarms->next_ns, relaxed);
}

/* True while somebody may be about to ready what an alarm has rung for. */
static inline bool kn_alarms_are_ringing(struct kn_alarms *alarms)
{
    /* [SA1] acquire: what was readied. [SQ2] seq_cst: see is_quiet(). */
    return kn_load(&alarms->ringing, seq_cst) != 0;
}

/*
 * Sets an idle alarm. One that is overdue rings soon, not in here. Thread: a worker's: before it rests it, or sysmon,
 * sees to the alarm. Cost: a lock, and O(1).
 */
void kn_alarm_set(struct kn_sched *sched, struct kn_alarm *keep_alarm, uint64_t deadline_ns,
                  void (*fn)(struct kn_alarm *self, struct kn_worker *worker, bool is_due));

/*
 * True: it does not ring; fn has been called with is_due = false before the return. False: it has rung, is just ringing,
 * was cancelled before, or is idle. Thread: any, with its worker or NULL, holding no lock that fn takes; the memory
 * must be there.
 */
bool kn_alarm_cancel(struct kn_sched *sched, struct kn_worker *worker, struct kn_alarm *alarm);

#endif
