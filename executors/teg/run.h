/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: one slot per node, lanes that run them, flights for what does not end where it began.
 *
 *                    links settled            a lane takes it             its effect returns
 *      PENDING ------------------> READY ---------------> EXECUTING ----------------------> COMPLETED | FAILED
 *        |  |                        |  ^                   |   |  deadline
 *        |  | condition              |  +-------------------+   +----------------> TIMED_OUT
 *        |  +--> SKIPPED             |     tried again      |
 *        +------------> CANCELLED <--+----------------------+ the run is cancelled, or a race is lost
 *
 * Every move is a compare and swap of the slot's state word {attempt, state}, so each is made once, and whoever
 * makes it owns what follows: whoever ends a node *settles* its links, whoever settles the last link into a node
 * decides it, whoever makes a node ready queues it. A late result carries the word it began under, finds another
 * one, and is dropped.
 *
 * The moves are relaxed: they decide who goes on, and hand nothing over. From who makes a node ready to who runs it
 * the lane's lock does (or the flight's landing, or an alarm), from its end to those that depend on it their counts
 * [TG2], from all ends to who ends the run [TG3].
 *
 *      (c) const from the start   (a) atomic   (m) the lane's lock   (o) whoever runs the lane   (r) run->lock
 *      (w) whoever made the last move of the slot's state; [TG2] hands it to those who read later
 */
#ifndef KN_TEG_RUN_H
#define KN_TEG_RUN_H

#include "base/align.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/stats.h"
#include "executors/teg/graph.h"
#include "executors/teg/home.h"
#include "executors/teg/ready.h"
#include "sched/alarm.h"
#include "sched/errand.h"
#include "sched/lock.h"
#include "sched/worker.h"

#include <koken/future.h>
#include <koken/teg_run.h>

enum {
    KN_TEG_STATE_BITS = 4,
    KN_TEG_STATE_MASK = (1 << KN_TEG_STATE_BITS) - 1,
};

/* A slot's count of links that are not settled, and what the settled ones have said. */
#define KN_TEG_COUNT_MASK UINT32_C(0x0fffffff)
#define KN_TEG_BROKEN (UINT32_C(1) << 28) /* something it needs will never be */
#define KN_TEG_SKIPS (UINT32_C(1) << 29)  /* something it needs was skipped */
#define KN_TEG_OPEN (UINT32_C(1) << 30)   /* a control link is open */
#define KN_TEG_CLOSED (UINT32_C(1) << 31) /* a control link is closed because of a failure */

/* What a run knows of a node: one line. */
struct KN_ALIGNED(KN_CACHE_LINE) kn_teg_slot {
    kn_atomic(uint32_t) state;   /* (a) enum koken_teg_state | attempt << KN_TEG_STATE_BITS */
    kn_atomic(uint32_t) pending; /* (a) */
    int64_t number;              /* (w) the result; of a race until it runs: who won */
    const void *bytes;           /* (w) or its items */
    uint32_t size;               /* (w) of bytes; with is_items their number */
    uint32_t next;               /* (w) node + 1: what is settled next, see settle.c */
    kn_atomic(uint64_t) ready_at, began_at, ended_at; /* (a) ticks, 0: never; statistics */
    int16_t error;                                    /* (w) */
    kn_atomic(uint16_t) lane;                         /* (a) statistics */
    uint8_t is_items;                                 /* (w) */
    uint8_t is_shared : 1;                            /* (w) bytes belong to somebody else */
    uint8_t is_hit : 1;                               /* (w) the result is the cache's */
};
_Static_assert(sizeof(struct kn_teg_slot) == KN_CACHE_LINE, "a slot is one line");

/* A queue of ready nodes and the right to run them. */
struct KN_ALIGNED(KN_FALSE_SHARING) kn_teg_lane {
    struct kn_lock lock;
    struct kn_teg_ready ready; /* (m) ranks */
    bool is_parked;            /* (m) its runnable is nobody's; else it is queued or runs */
    bool is_armed;             /* (m) alarm */
    kn_atomic(uint32_t) len;   /* (a) ready.count, a hint to others */
    kn_atomic(uint32_t) best;  /* (a) the first rank in ready, a hint; UINT32_MAX: none */

    KN_ALIGNED(KN_FALSE_SHARING) struct kn_errand errand;
    struct koken_teg_run *run; /* (c) */
    uint32_t index;            /* (c) */
    uint32_t done;       /* (o) nodes that have ended here, not yet taken off run->remaining */
    uint64_t mean_ticks; /* (o) of an effect, moving average; 0: none yet */
    uint64_t rng;        /* (o) */
    kn_atomic(uint64_t)
        running; /* (a) by (o): node + 1 in the low half, its state word above; 0: none */
    kn_atomic(uint64_t) since;                           /* (a) by (o): ticks */
    struct kn_count steals, failed_steals, items_stolen; /* (o) */
    struct kn_alarm alarm; /* while parked: look for work and overdue nodes */
};

struct kn_teg_entry;

struct koken_teg_run {
    struct koken_teg *teg;            /* (c) a reference */
    struct koken_teg_options options; /* (c) */
    struct kn_teg_slot *slots;        /* (c) */
    const uint32_t *order;            /* (c) nodes by rank */
    const uint32_t *ranks;            /* (c) NULL: those of the graph */
    uint32_t *own_order;              /* (c) both, when they are not the graph's */
    struct kn_teg_lane *lanes;        /* (c) from the executor's start on */
    uint64_t *lane_words;             /* (c) of their sets */
    size_t lane_word_count;           /* (c) */
    uint32_t lane_count;              /* (c) */
    uint32_t pool_count;              /* (c) */
    struct koken_teg_config config;   /* (c) */
    struct koken *rt;                 /* (c) */
    struct kn_teg_home *home;         /* (c) a reference; for threads outside */
    uint64_t timeout_ns;              /* (c) of nodes without one */
    uint64_t start_ticks, start_ns;   /* (c) one moment on both clocks */
    uint64_t threshold_ticks;         /* (c) 10 us */
    uint64_t long_ticks;              /* (c) 50 us: worth looking at every lane for */
    uint64_t slice_ticks;             /* (c) */

    KN_ALIGNED(KN_FALSE_SHARING)
    kn_atomic(uint32_t) refs; /* (a) owner, executor, lanes not parked, flights,
                                                            * set alarms */
    kn_atomic(uint32_t)
        remaining;            /* (a) nodes that have not ended, or of lanes that have not said so */
    kn_atomic(uint32_t) stop; /* (a) enum kn_teg_stop */
    kn_atomic(uint32_t) is_over;                                      /* (a) */
    kn_atomic(uint32_t) parked;                                       /* (a) lanes, a hint */
    kn_atomic(uint32_t) failures;                                     /* (a) nobody handled */
    kn_atomic(uint32_t) retries, hits, shares, undone, undo_failures; /* (a) statistics */

    struct kn_teg_entry *
        *making; /* (w) of an EXECUTING node: what it makes for the cache; NULL: no cache */

    struct kn_lock lock;
    struct kn_list flights;   /* (r) */
    struct kn_teg_ready held; /* (r) nodes that wait for room on the pool */
    uint32_t on_pool;         /* (r) nodes there */
    struct kn_envelope
        *notice;        /* (c) tells the executor that it is over; whoever ends the run takes it */
    koken_ref executor; /* (c) */
    struct koken_future
        *over;           /* (c) complete when it is over, and the executor has learnt from it */
    koken_promise end;   /* used up by who has the notice, or has refused the run */
    struct kn_list link; /* the executor's turns: of its runs; else alone */
    kn_atomic(uint32_t) wants_cancel; /* (a) enum kn_teg_wish */
    struct kn_errand sweeper;         /* cancels; queued by who takes wants_cancel from BEGUN */
    struct kn_errand undoer;
    uint32_t undo_at; /* whoever runs undoer: place in topo, downwards */
    int status;       /* (w) how it has gone; from the end of the last node on */
};

enum kn_teg_wish { KN_TEG_NOT_BEGUN, KN_TEG_BEGUN, KN_TEG_WANTS_CANCEL };

enum kn_teg_stop {
    KN_TEG_GO,
    KN_TEG_STOP_FAILED,    /* nothing begins any more */
    KN_TEG_STOP_CANCELLED, /* and what has begun is cancelled */
};

/* What an effect sees. */
struct koken_teg_call {
    struct koken_teg_run *run;
    struct kn_teg_flight *flight; /* NULL: on a worker, ends when it returns */
    uint32_t node;
    uint32_t word; /* of the slot's state while it is wanted */
    int64_t number;
    void *bytes; /* kn_alloc'ed, or NULL */
    size_t size;
    bool is_items, is_shared; /* of bytes, as in a slot */
    bool is_undo;
};

/* A node that does not end where it began: on the pool, elsewhere, or between two attempts. */
struct kn_teg_flight {
    struct koken_teg_call call;
    struct kn_job job;
    struct kn_errand landing;          /* the effect has ended */
    struct kn_alarm alarm;             /* its deadline, or the next attempt */
    struct kn_list link;               /* (r) in run->flights, unless it undoes */
    kn_atomic(uint32_t) refs;          /* (a) effect and alarm */
    kn_atomic(uint32_t) cancelled;     /* (a) a futex */
    void (*on_cancel)(void *arg);      /* (r) */
    void *on_cancel_arg;               /* (r) */
    uint32_t lane;                     /* (c) where it began */
    int rc;                            /* the effect's */
    bool is_on_pool;                   /* (c) counted in run->on_pool */
    bool has_result;                   /* by the cache, before it lands */
    struct kn_teg_flight *next_waiter; /* (the cache's lock) */
};

static inline enum koken_teg_state kn_teg_state_of(uint32_t word)
{
    return (enum koken_teg_state)(word & KN_TEG_STATE_MASK);
}

static inline uint32_t kn_teg_word(enum koken_teg_state state, uint32_t attempt)
{
    return (uint32_t)state | attempt << KN_TEG_STATE_BITS;
}

static inline uint32_t kn_teg_attempt_of(uint32_t word)
{
    return word >> KN_TEG_STATE_BITS;
}

static inline bool kn_teg_has_ended(enum koken_teg_state state)
{
    return state >= KOKEN_TEG_COMPLETED;
}

static inline uint32_t kn_teg_rank(const struct koken_teg_run *run, uint32_t node)
{
    return run->ranks ? run->ranks[node] : run->teg->nodes[node].rank;
}

/* ---- run.c: life and death ---- */

/* A run of a checked graph that has not begun. Errors: -ENOMEM. */
KOKEN_MUST_USE int kn_teg_run_new(struct koken_teg *teg, const struct koken_teg_options *options,
                                  koken_ref executor, struct koken_teg_run **ret_run);
void kn_teg_run_ref(struct koken_teg_run *run);

/* Makes lanes and begins. model may be NULL. On error nothing has begun. Thread: a worker's. */
KOKEN_MUST_USE int kn_teg_run_begin(struct koken_teg_run *run, struct kn_worker *worker,
                                    const struct koken_teg_config *config,
                                    struct kn_teg_home *home);
/* It will not begin: it is over with that error. */
void kn_teg_run_refuse(struct koken_teg_run *run, int error);

/* Ends what has not begun (FAILED) or everything (CANCELLED). Answers how many nodes have ended by it. */
uint32_t kn_teg_run_stop(struct koken_teg_run *run, enum kn_teg_stop why);

/* Gets an errand of this run run. worker: the caller's, or NULL. */
void kn_teg_run_ready(struct koken_teg_run *run, struct kn_worker *worker,
                      struct kn_errand *errand);

/*
 * Cancels it, as the runtime has ended. What is left of it in queues is called without a worker, before or after that, and
 * cancels it likewise. Thread: who stops the runtime, when no other is left.
 */
void kn_teg_run_cut(struct koken_teg_run *run);

/* So many nodes have ended. The last ones end the run. worker: the caller's, or NULL. */
void kn_teg_run_ended(struct koken_teg_run *run, struct kn_worker *worker, uint32_t count);

void kn_teg_observe(const struct koken_teg_run *run, uint32_t node, enum koken_teg_state state,
                    uint32_t lane, uint32_t attempt, uint64_t at_ticks);

/* Ticks of this run as koken_now() time; 0 stays 0. */
uint64_t kn_teg_ns(const struct koken_teg_run *run, uint64_t ticks);

/* ---- lane.c ---- */

/* Runs its nodes for a slice. worker NULL: the runtime has ended. */
void kn_teg_lane_run(struct kn_errand *errand, struct kn_worker *worker);

/* Queues a ready node in a lane, and gets the lane run. Not the lane that runs here: that is home's. worker: or NULL. */
void kn_teg_lane_push(struct koken_teg_run *run, struct kn_worker *worker, uint32_t lane,
                      uint32_t node);

/* The alarm of a parked lane. */
void kn_teg_lane_rung(struct kn_alarm *alarm, struct kn_worker *worker, bool is_due);

/* ---- settle.c ---- */

/*
 * What whoever ends nodes collects: nodes to queue, and how many have ended. home is the lane that runs on this
 * worker, NULL if none: then ready nodes are queued in `lane`.
 */
struct kn_teg_harvest {
    struct koken_teg_run *run;
    struct kn_worker *worker; /* NULL: of a thread without one */
    struct kn_teg_lane *home;
    uint32_t lane;
    uint32_t ended;
    uint64_t now; /* ticks */
    uint32_t ready_count;
    uint32_t ready[30]; /* nodes */
};

/* Queues what is in the harvest. (lane.c) */
void kn_teg_harvest_flush(struct kn_teg_harvest *harvest);

/*
 * An effect has returned. If its call is still wanted its node ends, or is tried again. False: it was not, the
 * result is dropped.
 */
bool kn_teg_conclude(struct kn_teg_harvest *harvest, struct koken_teg_call *call, int rc);

/* Settles the links of a node that has just been moved to an end by the caller, and all that follows. */
void kn_teg_settle(struct kn_teg_harvest *harvest, uint32_t node);

/* Moves a node from that word to TIMED_OUT, and settles. False: it is not there any more. */
bool kn_teg_time_out(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word);

/* Whether the condition of a link holds for a result. */
bool kn_teg_is_open(const struct kn_teg_out *out, enum koken_teg_state state, int64_t number);

/* ---- flight.c ---- */

/* Begins a node on the pool or elsewhere; it is EXECUTING under word. */
void kn_teg_launch(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word);

/* Tries a node again after its delay; it is READY under word already. */
void kn_teg_retry(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word, uint64_t delay_ns);

/* A flight for a node that waits for a result which another one makes; its landing is readied then. NULL: no memory. */
struct kn_teg_flight *kn_teg_follow(struct kn_teg_harvest *harvest, uint32_t node, uint32_t word);

/* Gives a place on the pool back that was taken by kn_teg_hold. */
void kn_teg_leave_pool(struct kn_teg_harvest *harvest);

/* Tells the flights of a node, or of all (UINT32_MAX), that they are not wanted any more. */
void kn_teg_flight_cancel(struct koken_teg_run *run, uint32_t node);

/* Gives up waiting for another attempt: the run is over. */
void kn_teg_flights_end(struct koken_teg_run *run, struct kn_worker *worker);

/* Queues a ready node that must go to the pool, if there is no room there. False: there is, it is counted. */
bool kn_teg_hold(struct koken_teg_run *run, uint32_t node);

/* Undoes what is to be undone, then ends the run. (undo.c) */
void kn_teg_undo(struct koken_teg_run *run, struct kn_worker *worker);

/* Runs an effect on the pool for undo; landing is readied after it. (flight.c) */
KOKEN_MUST_USE int kn_teg_undo_on_pool(struct koken_teg_run *run, uint32_t node,
                                       void (*landing_fn)(struct kn_errand *errand,
                                                          struct kn_worker *worker));

/* Lands a flight whose effect has ended; from any thread. (flight.c) */
void kn_teg_flight_land(struct kn_teg_flight *take_flight);

void kn_teg_undo_landed(struct kn_teg_flight *take_flight);

/* Gives back what a call holds. (call.c) */
void kn_teg_call_fini(struct koken_teg_call *call);

/*
 * How a run has gone whose nodes have all ended. Asked once: a cancellation that comes while it is undone, or later,
 * changes neither what is undone nor the status.
 */
int kn_teg_run_outcome(const struct koken_teg_run *run);

/* The run is over: tells everybody. (run.c) */
void kn_teg_run_over(struct koken_teg_run *run, struct kn_worker *worker);

#endif
