/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler's own state, and the machines: threads that hold workers. Private to sched/.
 *
 *   A machine                                   A worker
 *      running   holds a worker, runs steps        held     by a running machine
 *      guarding  its worker rests, it sleeps       resting  bit set, with a guard or bare
 *      spare     has none, in sched->spares        orphan   claimed, waits for a machine
 *      blocked   in a section, has none
 *      leaving   wants one, in sched->leavers
 *
 * Whoever clears a worker's idle bit owns the worker until it gives it to a machine. Between the
 * bit and the machine's token the waker alone touches both; the token publishes [SM1].
 *
 *      (c) const after init  (o) the machine's thread  (a) atomic  (m) s->machines_lock
 *      (w) whoever holds the worker or has claimed it, published by the token
 */
#ifndef KN_SCHED_MACHINE_H
#define KN_SCHED_MACHINE_H

#include "base/align.h"
#include "base/atomic.h"
#include "base/look.h"
#include "base/world.h"
#include "sched/alarm.h"
#include "sched/global.h"
#include "sched/idle.h"
#include "sched/lock.h"
#include "sched/netpoll.h"
#include "sched/sched.h"
#include "sched/topology.h"
#include "sched/worker.h"

#include <stdbool.h>
#include <stdint.h>

enum kn_park_state { KN_PARK_EMPTY, KN_PARK_TOKEN, KN_PARK_ASLEEP, KN_PARK_POLLING };

struct kn_machine {
    kn_atomic(uint32_t) park;   /* (a) enum kn_park_state */
    struct kn_worker *worker;   /* (w) what the token brings */
    struct kn_worker *kept;     /* (o) worker kept through a section, no thread could be had */
    struct kn_sched *sched;     /* (c) */
    struct kn_machine *next;    /* (m) in spares or leavers */
    struct kn_machine *all;     /* (m) in machines or ended */
    struct kn_thread thread;    /* (c) joined by stop or by the next start of a machine */
    unsigned last_index;        /* (o) worker it had before a section */
    int cpu;                    /* (o) bound to, -1 none */
    struct kn_look_thread look; /* (o) set while the thread runs */
    bool is_first;              /* (c) one of those that kn_sched_start() waits for */
};

/* The blocking pool (blocking.c). */
struct kn_job_pool {
    struct kn_lock lock;
    struct kn_job *first, *last;            /* (m: lock) */
    struct kn_job_thread *live;             /* (m: lock) */
    struct kn_job_thread *ended;            /* (m: lock) to be joined */
    uint32_t count;                         /* (m: lock) live threads */
    uint32_t idle;                          /* (m: lock) of these asleep, and not called */
    uint32_t called;                        /* (m: lock) of these asleep, and called */
    uint32_t max;                           /* (c) */
    bool is_stopping;                       /* (m: lock) */
    kn_atomic(uint32_t) calls;              /* (a) futex: moves on with each call for a thread */
    kn_atomic(uint32_t) open;               /* (a) jobs submitted and not ended */
    kn_atomic(uint64_t) submitted, started; /* (a) statistics */
};

struct
    kn_watch; /* sysmon.c. Prepare: before any thread; the stack hook goes if threads cannot be asked. */
void kn_watch_prepare(struct kn_sched *sched);

struct kn_sched {
    struct kn_idle idle;
    struct kn_global global;
    struct kn_netpoll netpoll;
    struct kn_alarms alarms;

    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint32_t) stopping; /* (a) */
    kn_atomic(uint32_t) leaver_count;                          /* (a) written under machines_lock */
    kn_atomic(uint32_t) quiet_waiters;                         /* (a) */
    kn_atomic(uint32_t) quiet_seq;                             /* (a) futex of kn_sched_quiet() */
    kn_atomic(uint32_t) sections_open;                         /* (a) */
    kn_atomic(uint32_t) watch_word; /* (a) futex of sysmon: enum kn_watch_state */

    /* (m: machines_lock) */
    struct kn_lock machines_lock;
    struct kn_machine *spares;                       /* a stack: the last asleep is the warmest */
    struct kn_machine *leavers_first, *leavers_last; /* first come, first served */
    struct kn_worker *orphans; /* workers without a machine, by ->next_orphan */
    struct kn_machine *machines, *ended;
    uint32_t total;                 /* machines that live */
    uint32_t blocked;               /* of these inside a section without a worker */
    kn_atomic(uint32_t) live;       /* (a) futex: threads that have not ended */
    kn_atomic(uint32_t) starting;   /* (a) futex: first machines not yet started */
    kn_atomic(int32_t) start_error; /* (a) of a thread_start hook */

    struct kn_job_pool jobs;
    struct kn_watch *watch; /* (c) */

    kn_atomic(uint64_t)
        share_after_ns; /* (a) who folds; until then nobody is woken for shared work */
    kn_atomic(uint64_t) share_while_ns; /* (a) who folds: how long that was the last time */

    struct kn_sched_config config;                              /* (c) defaults filled in */
    struct kn_topology *topology;                               /* (c) */
    struct kn_worker **workers;                                 /* (c) */
    unsigned worker_count;                                      /* (c) */
    bool is_joined;                                             /* by the thread that stops */
    kn_atomic(uint64_t) handoffs, sections_kept, stuck, nudges; /* (a) statistics */
};

/* The machine of this thread, NULL on others. */
extern KN_TLS struct kn_machine *kn_machine_self;

/* machine.c */
KOKEN_MUST_USE int kn_machine_start(struct kn_sched *sched, struct kn_worker *worker,
                                    bool is_first);
void kn_machine_wake(struct kn_machine *machine);
int kn_machine_sleep(struct kn_machine *machine, uint64_t deadline_ns);
int kn_machine_sleep_polling(struct kn_machine *machine, uint64_t deadline_ns,
                             struct kn_io **ret_ready);
void kn_machines_reap(struct kn_sched *sched);
void kn_machines_dismiss(struct kn_sched *sched);

/* Gives a worker that the caller owns to a leaver, its guard or a spare; else it waits in orphans.
 */
void kn_worker_assign(struct kn_sched *sched, struct kn_worker *worker);

/* Wakes one resting worker if nobody searches. After the work was published with seq_cst. */
void kn_notify(struct kn_sched *sched, unsigned near);

/* The same though somebody searches. False: none rests, or others are about to take all that do. */
bool kn_notify_forced(struct kn_sched *sched, unsigned near);

/* Wakes this worker if it rests. After it was nudged with seq_cst. */
void kn_worker_rouse(struct kn_sched *sched, struct kn_worker *worker);

/* park.c: the holder has found nothing. Returns when it is to look again; it may have lost the
 * worker. */
void kn_worker_rest(struct kn_worker *worker);

void kn_worker_spin_won(struct kn_worker *worker);
bool kn_rest_is_over(struct kn_worker *worker, bool is_folded);

/* fold.c: gives the worker's work to the others, if one is awake; then is_folded is set. */
void kn_worker_fold(struct kn_worker *worker);
void kn_worker_unfold(struct kn_worker *worker);

/* section.c: the holder gives its worker to a thread that waits for one. False: none waits. */
bool kn_worker_give(struct kn_worker *worker);

/* The holder lets go of its worker: to a thread that waits for one, a spare, or the orphans. */
void kn_worker_release(struct kn_worker *worker);

/* steal.c. A uniform number below len, from the worker's generator. */
unsigned kn_victim_start(struct kn_worker *worker, unsigned len);
struct kn_runnable *kn_steal(struct kn_worker *worker, enum kn_prio *ret_prio);

/* worker.c */
enum { KN_DISPATCH_NS_UNKNOWN = 100 * 1000 }; /* at first: what is queued is worth sharing */
bool kn_worker_has_work(struct kn_worker *worker);
void kn_worker_run(void);
void kn_worker_flush_again(struct kn_worker *worker);
void kn_worker_mark_idle(struct kn_worker *worker);
void kn_worker_end_search(struct kn_worker *worker);

/* sysmon.c. Prepare: before any thread; the stack hook goes if threads cannot be asked. */
void kn_watch_prepare(struct kn_sched *sched);
KOKEN_MUST_USE int kn_watch_start(struct kn_sched *sched);
void kn_watch_call(struct kn_sched *sched);
void kn_watch_stop(struct kn_sched *sched);

/* sched.c: after something ended that kn_sched_quiet() may wait for. */
void kn_quiet_signal(struct kn_sched *sched);

/* blocking.c */
void kn_jobs_stop(struct kn_sched *sched);
void kn_jobs_join(struct kn_sched *sched);

#endif
