/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: runs runnables (sched/runnable.h) on workers. It knows nothing of agents.
 *
 *   G  struct kn_runnable  something with a step function
 *   M  struct kn_machine   a thread; private to sched/machine.c
 *   P  struct kn_worker    the right to run: queues, timers, pools, statistics (sched/worker.h)
 *
 * A step runs on the stack of the machine's thread, holding one worker. Whoever makes a runnable
 * ready must own that right alone (the state word of its owner decides): a runnable is in one queue
 * at a time. Why nothing is lost and nobody starves is argued in sched/DESIGN.md.
 */
#ifndef KN_SCHED_SCHED_H
#define KN_SCHED_SCHED_H

#include "base/align.h"
#include "base/assert.h"
#include "base/world.h"
#include "sched/runnable.h"

#include <koken/error.h>
#include <stdbool.h>
#include <stdint.h>

struct kn_job;
struct kn_netpoll;
struct kn_sched;
struct kn_worker;

enum kn_affinity { KN_AFFINITY_NONE, KN_AFFINITY_CORE };

/* In which order a thief visits the others. (steal.c) */
enum kn_steal_policy { KN_STEAL_NEAR, KN_STEAL_ROUND_ROBIN, KN_STEAL_ADAPTIVE };

enum {
    KN_WORKERS_MAX = 1024,
    KN_BUDGET_DEFAULT = 256,       /* messages in one turn, LIFO chain included */
    KN_GLOBAL_EVERY = 61,          /* dispatches between two looks at the global queue */
    KN_AGEING_DISPATCHES = 16,     /* a waiting level gains one level per so many dispatches */
    KN_SECTIONS_MAX_DEFAULT = 256, /* spare machines for blocking sections */
    KN_BLOCKING_MAX_DEFAULT = 64,  /* threads of the blocking pool */
};

/*
 * What the floor above hangs into the scheduler; every member may be NULL. Per thread: thread_start
 * and thread_stop frame the life of a thread that runs steps; offline and online frame each time it
 * may sleep or is in a blocking section (RCU: offline threads hold nothing back). Per worker:
 * worker_start and worker_stop are called by the threads that start and free the scheduler; a
 * worker is then nobody's.
 */
struct kn_sched_hooks {
    void *arg;
    int (*worker_start)(struct kn_worker *worker, void *arg); /* sets up pool, local; 0 or -errno */
    void (*worker_stop)(struct kn_worker *worker, void *arg);
    int (*thread_start)(void *arg); /* in the new thread; 0 or -errno */
    void (*thread_stop)(void *arg);
    void (*offline)(void *arg);
    void (*online)(void *arg);
    void (*quiescent)(struct kn_worker *worker,
                      void *arg); /* between dispatches: at least every 61 */
    /* From sysmon's thread, once for each dispatch that is older than stuck_ns. */
    void (*stuck)(struct kn_worker *worker, uint64_t for_ns, void *arg);
    /* The same thread, soon after `stuck` and if the dispatch still lasts: where it is, innermost first. */
    void (*stack)(struct kn_worker *worker, const void *const *frames, unsigned count, void *arg);
};

/* Zero means the default, always. */
struct kn_sched_config {
    unsigned workers;      /* at most so many; 0: as affinity and cgroup quota allow */
    unsigned budget;       /* messages per turn */
    uint64_t slice_ns;     /* time per turn, 200 us */
    uint64_t spin_ns;      /* search before parking, 20 us; KN_NO_SPIN: none */
    uint64_t share_ns;     /* queued work worth waking a worker for, 10 us; KN_SHARE_ALL: any */
    uint64_t stuck_ns;     /* a dispatch this long is counted as stuck, 10 ms */
    uint64_t retire_ns;    /* spare and pool threads end after being idle for 10 s */
    uint64_t seed;         /* of victim choice; 0: from the entropy seam */
    unsigned sections_max; /* blocking sections that hand their worker over at the same time */
    unsigned blocking_max; /* threads of the blocking pool */
    enum kn_affinity affinity;
    enum kn_steal_policy steal;
    bool is_exact;        /* workers is meant as said, even above affinity and quota */
    bool no_stealing;     /* workers take only their own and the global queue */
    bool no_lifo;         /* kn_ready() goes to the tail like kn_ready_tail() */
    bool no_sysmon;       /* no watching thread (tests) */
    bool no_biased;       /* LIFO slot by exchange even where membarrier works (tests) */
    const char *topology; /* synthetic hwloc description instead of this machine's (tests) */
    struct kn_sched_hooks hooks;
    void (*log)(void *arg, const char *line);
    void *log_arg;
};

#define KN_NO_SPIN UINT64_MAX
#define KN_SHARE_ALL UINT64_MAX

/*
 * Starts workers, their threads and sysmon. Returns when every thread has passed thread_start.
 * Errors: -EINVAL impossible configuration; -ENOMEM; -EAGAIN a thread could not be started; what a
 * hook returned. On error nothing is left behind.
 */
KOKEN_MUST_USE int kn_sched_start(const struct kn_sched_config *config,
                                  struct kn_sched **ret_sched);

/*
 * Ends all threads: each finishes the step it is in and starts no other. What is queued stays
 * queued, see kn_sched_leftover(). Idempotent; not from a step. Errors: -ETIMEDOUT a step, blocking
 * section or job has not ended by the deadline; call again.
 */
KOKEN_MUST_USE int kn_sched_stop(struct kn_sched *sched, uint64_t deadline_ns);

/* After stop: takes one runnable that was still queued, NULL when there is none. */
struct kn_runnable *kn_sched_leftover(struct kn_sched *sched);

/* The same for jobs that were submitted and never begun. */
struct kn_job *kn_sched_leftover_job(struct kn_sched *sched);

/* After stop; leftovers must have been taken. Calls worker_stop. Accepts NULL. */
void kn_sched_free(struct kn_sched *sched);

/*
 * Waits until nothing runs, nothing is queued, no job and no blocking section is open: then only
 * timers, fds and foreign threads can bring work. True: so it was, at one instant. False: the
 * deadline came first. Thread: any but a step.
 */
bool kn_sched_quiet(struct kn_sched *sched, uint64_t deadline_ns);

unsigned kn_sched_worker_count(const struct kn_sched *sched);
struct kn_netpoll *kn_sched_netpoll(struct kn_sched *sched);
struct kn_worker *kn_sched_worker(struct kn_sched *sched, unsigned index);

/*
 * The worker this thread holds; NULL on foreign threads and inside blocking sections. Code that may
 * be resumed on another thread (fibers) must call kn_worker_current(): a compiler may keep the
 * address of the variable of the thread it started on.
 */
extern KN_TLS struct kn_worker *kn_worker_self;
KN_NOINLINE struct kn_worker *kn_worker_current(void);

/*
 * Makes runnable ready from a step, timer or hook of the worker this thread holds. kn_ready: at
 * normal priority into the LIFO slot, the next to run here; who was there goes to the tail.
 * kn_ready_tail: the tail of its level. A sleeping worker is woken only if nobody searches and what
 * is queued is worth it. kn_ready_tail(w, self) is legal as the last thing a step does before it
 * returns KN_RAN_DONE. Cost: LIFO no locked instruction; tail a release store.
 */
/*
 * Tells of a worker's messages, from the quiescent hook: how many it has handled and sent so far, and how many
 * of these to whoever last ran on another worker. See fold.c for what becomes of it.
 */
void kn_worker_traffic(struct kn_worker *worker, uint64_t messages, uint64_t far);

void kn_ready(struct kn_worker *worker, struct kn_runnable *runnable, enum kn_prio prio);
void kn_ready_tail(struct kn_worker *worker, struct kn_runnable *runnable, enum kn_prio prio);

/*
 * kn_ready_young: for one that has never run: before the queue, newest first (nursery.h). As kn_ready_tail
 * otherwise; of the normal level.
 */
void kn_ready_young(struct kn_worker *worker, struct kn_runnable *runnable);

/* The same from any thread: global queue, and wakes one worker unless one is searching or all are
 * awake. */
void kn_ready_foreign(struct kn_sched *sched, struct kn_runnable *runnable, enum kn_prio prio);

/* As kn_ready_foreign, for a chain linked by ->next, at once. */
void kn_ready_chain(struct kn_sched *sched, struct kn_runnable *first, struct kn_runnable *last,
                    unsigned count, enum kn_prio prio);

/* Makes this worker pass its loop once soon (timers, fds), asleep or not. Thread: any. */
void kn_worker_kick(struct kn_worker *worker);

/*
 * A section in which the thread may block. The worker is handed to another thread, or put to rest
 * when it has nothing to do; leave waits for a worker (any) and returns it. Between the two
 * kn_worker_self is NULL and nothing of the worker may be touched. If no thread can be had, the
 * worker stays with the section (counted in stats.sections_kept): its queue can still be stolen
 * from.
 */
void kn_blocking_enter(struct kn_worker *worker);
struct kn_worker *kn_blocking_leave(struct kn_sched *sched);

/*
 * A job for the blocking pool. fn runs on a thread of the pool; then done, if any, is made ready
 * with prio. The job is the pool's until fn is called and fn's from then on: fn may free it, done
 * and prio are read before.
 */
struct kn_job {
    struct kn_job *next; /* the pool's */
    void (*fn)(struct kn_job *self);
    struct kn_runnable *done;
    enum kn_prio prio;
};

/*
 * Thread: any. Errors: -EAGAIN there is no pool thread and none could be started; -ESHUTDOWN after
 * stop. Jobs beyond blocking_max threads wait in a queue, first come first served.
 */
KOKEN_MUST_USE int kn_blocking_submit(struct kn_sched *sched, struct kn_job *keep_job);

/* A sum over workers and the scheduler's own counters; each is monotonic, the set is not a
 * snapshot. */
struct kn_sched_stats {
    uint64_t dispatches, lifo_hits, lifo_stolen, global_polls, global_taken, overflows;
    uint64_t steal_attempts, steals, stolen, searches, spins, parks, wakes, budget_ends;
    uint64_t idle_looks, folds, queued, stuck, nudges, handoffs, sections_kept, jobs, job_threads,
        machines;
};
void kn_sched_stats(struct kn_sched *sched, struct kn_sched_stats *ret_stats);

#endif
