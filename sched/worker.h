/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker, the P of G-M-P: everything a thread needs to run steps. One thread holds it at a time;
 * handing it over publishes all of it ([SM1] in machine.c). Others see only what is marked (a).
 *
 *      (c) const after init  (o) the thread that holds the worker  (a) atomic, who writes is said
 */
#ifndef KN_SCHED_WORKER_H
#define KN_SCHED_WORKER_H

#include "base/align.h"
#include "base/atomic.h"
#include "base/look.h"
#include "base/stats.h"
#include "caps/pool.h"
#include "sched/runq.h"
#include "sched/sched.h"
#include "sched/timer.h"
#include <koken/deque.h>

enum {
    KN_NUDGE_CLOCK = 1u << 0, /* look at the clock, timers and fds before the next dispatch */
    KN_NUDGE_GIVE = 1u << 1,  /* a thread that left a blocking section waits for a worker */
    KN_NUDGE_STOP = 1u << 2,  /* the scheduler stops */
};

enum { KN_LEVELS_ABOVE_NORMAL = 1u << KN_PRIO_HIGH | 1u << KN_PRIO_CRITICAL };

/* Counters of a worker, in the order of struct kn_sched_stats; single writer each: the holder. */
#define KN_WORKER_COUNTS(X)                                                                        \
    X(queued)                                                                                      \
    X(lifo_stolen)                                                                                 \
    X(global_polls)                                                                                \
    X(global_taken)                                                                                \
    X(overflows)                                                                                   \
    X(steal_attempts)                                                                              \
    X(steals) X(stolen) X(searches) X(spins) X(parks) X(wakes) X(budget_ends) X(idle_looks) X(folds)

struct kn_worker_stats {
#define X(name) struct kn_count name;
    KN_WORKER_COUNTS(X)
#undef X
};

/* What the floor above has told of its messages, at the beginning of the present stretch. */
struct kn_traffic {
    uint64_t messages, far; /* handled and sent; sent to whoever last ran on another worker */
    uint64_t since_ns;      /* 0: the stretch does not count */
};

/* What a thief found at a victim and could not take yet because it was fresh. */
struct kn_suspect {
    uint64_t tick;
    uint64_t since_ns;
    uint32_t victim;
    uint32_t head;
    bool is_set;
};

struct kn_worker {
    /* Touched in every dispatch by the holder; thieves and sysmon read tick and lifo, rarely. */
    KN_ALIGNED(KN_FALSE_SHARING)
    kn_atomic(struct kn_runnable *)
        lifo;                      /* (a) holder, or the thief that has revoked it (lifo.h) */
    kn_atomic(uint32_t) lifo_busy; /* (a) holder: 1 inside an access to lifo */
    int32_t budget;                /* (o) messages left in this turn; steps count it down */
    kn_atomic(uint64_t) tick;      /* (a) holder: dispatches + looks around without finding work */
    uint64_t beat_due;             /* (o) tick of the next look at clock and global queue */
    enum kn_prio again_level;      /* (o) of `again` */
    struct kn_sched *sched;        /* (c) */
    void *local;                   /* (o) of the floor above */
    struct kn_runnable *again;     /* (o) runs next: was alone and still runnable */
    int32_t budget_full;           /* (c) what a turn starts with */
    uint32_t workers;              /* (c) of the scheduler */
    uint64_t now_ns;               /* (o) time of the last look at the clock */
    uint64_t slice_tick;           /* (o) dispatch that slice_end_ns belongs to */
    uint64_t slice_end_ns;         /* (o) */
    bool is_biased;                /* (c) lifo by membarrier, not by exchange */
    bool is_searching;             /* (o) counted as a searcher in the idle set */
    bool has_lifo;                 /* (c) */
    bool is_single;                /* (c) the only worker: nobody steals */
    bool has_young;                /* (o) the nursery may hold something (nursery.h) */

    /* Read by the holder in every dispatch, written by others rarely. */
    KN_ALIGNED(KN_FALSE_SHARING)
    kn_atomic(uint32_t) nudge;       /* (a) KN_NUDGE_* */
    kn_atomic(uint32_t) lifo_revoke; /* (a) thief: 1 while it claims lifo */

    /* Written by the holder when it changes, read by thieves. */
    KN_ALIGNED(KN_FALSE_SHARING)
    kn_atomic(uint32_t) levels;      /* (a) holder: bit per queue that may hold something */
    kn_atomic(uint32_t) dispatch_ns; /* (a) holder: moving average of one dispatch */
    kn_atomic(uint64_t)
        stuck_tick; /* (a) sysmon: its tick, when it stayed in one dispatch for long */

    /* (o) between dispatches */
    KN_ALIGNED(KN_FALSE_SHARING)
    uint32_t skipped[KN_PRIO_COUNT_]; /* dispatches for which a non-empty level has waited */
    struct koken_deque *nursery;      /* (c) newborns, newest first */
    uint32_t young_row;               /* picks from it since one from the queue */
    uint32_t young_head;              /* of it, as it was at young_since_ns */
    uint32_t young_beats;             /* since then */
    uint64_t young_since_ns;
    uint64_t rng;
    uint64_t beat_tick, beat_ns; /* start of the stretch that dispatch_ns is measured over */
    uint32_t last_each_ns;       /* what the stretch before that gave */
    uint64_t polled_ns;          /* last look at fds */
    uint64_t first_queued;       /* stats.queued once what the last beat has put first runs */
    uint32_t slot_skipped;  /* as skipped[], for the slot where it counts as the normal level */
    uint64_t spin_limit_ns; /* adapts between spin_ns and a fraction of it */
    struct kn_suspect suspect;
    struct kn_traffic traffic; /* fold.c */
    bool wants_fold;           /* it mostly talks to other workers */
    bool is_folded;            /* it has given its work back, and rests until it is woken */
    uint64_t spin_end_ns;      /* of the search under way; 0: none */
    uint32_t spin_round;
    struct kn_machine *machine; /* (w) holder or sleeping guard; NULL: bare, or waiting for one */
    struct kn_worker *next_orphan; /* (m) machines_lock */
    uint16_t *victims;             /* (c) all other workers, nearest ring first */
    uint16_t ring_end[4];          /* (c) ends of: same core, same L3, same node, all */
    uint32_t ring_success[4];      /* of searches there, moving; policy ADAPTIVE */
    uint32_t steal_next;           /* the victim before the next one, or a count of searches */
    unsigned index;                /* (c) */
    int node;                      /* (c) NUMA node (logical index), -1 unknown */
    int cpu;                       /* (c) the PU it was planned for (OS index), -1 none */

    KN_ALIGNED(KN_FALSE_SHARING) struct kn_worker_stats stats;
    KN_ALIGNED(KN_FALSE_SHARING) struct kn_pool pool; /* (o) set up by worker_start */
    KN_ALIGNED(KN_FALSE_SHARING) struct kn_runq queues[KN_PRIO_COUNT_];
    struct kn_wheel wheel; /* (o) */
    struct kn_look look;   /* what the holder's thread answers when sysmon asks where it is */
};

_Static_assert(offsetof(struct kn_worker, nudge) == KN_FALSE_SHARING,
               "what a dispatch touches is one pair of lines");
_Static_assert(offsetof(struct kn_worker, levels) == 2 * KN_FALSE_SHARING,
               "what others write is apart from what thieves read");

/* True when a step should return KN_RAN_AGAIN though it has work: another look every few messages.
 */
static inline bool kn_worker_must_yield(struct kn_worker *worker)
{
    /* Relaxed: a hint, the dispatch loop looks again with the order it needs. */
    return worker->budget <= 0 || kn_load(&worker->nudge, relaxed) != 0;
}

/* True when something else waits on this worker. Thread: its holder. Cost: two loads. */
static inline bool kn_worker_has_other(struct kn_worker *worker)
{
    /* Relaxed: a hint; both are written by the holder but when something is stolen. */
    return kn_load(&worker->lifo, relaxed) != NULL || kn_load(&worker->levels, relaxed) != 0;
}

/*
 * True when this dispatch has used its slice of time. The first call in a dispatch starts the
 * slice. Cost: one kn_now(); steps call it every so many messages, or after a long one.
 */
bool kn_worker_slice_over(struct kn_worker *worker);

/* The time as of the worker's last look at the clock (at most 61 dispatches old). Cost: a load. */
static inline uint64_t kn_worker_now(const struct kn_worker *worker)
{
    return worker->now_ns;
}

/*
 * One step of the worker's loop, for the thread that holds it. RAN: dispatched one runnable. IDLE:
 * found nothing, in any place. GONE: the thread does not hold this worker any more (blocking
 * section, stop): look at kn_worker_self.
 */
enum kn_stepped { KN_STEPPED_RAN, KN_STEPPED_IDLE, KN_STEPPED_GONE };
enum kn_stepped kn_worker_step(struct kn_worker *worker);

#endif
