/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent as the runtime sees it, the part of each worker that belongs to the actors' floor, and
 * the runtime itself. Who may touch what is told by the letter of each field:
 *
 *   (c) constant from spawn to end      (a) atomic
 *   (s) only the holder of the mailbox's S flag: the worker that runs the agent
 *   (w) only the worker that owns the structure      (m) under the mutex named there
 */
#ifndef KN_ACTORS_AGENT_H
#define KN_ACTORS_AGENT_H

#include "actors/kn_rcu.h"
#include "base/align.h"
#include "base/alloc.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/stats.h"
#include "caps/payload.h"
#include "caps/pool.h"
#include "mailbox/mailbox.h"
#include "mailbox/overflow.h"
#include "sched/sched.h"
#include "sched/stacks.h"
#include "sched/worker.h"

#include <koken/agent.h>
#include <koken/deadletter.h>
#include <koken/histogram.h>
#include <koken/signal.h>

#include <pthread.h>

enum { KN_INLINE_STATE = 64, KN_PARK_BUCKETS = 256, KN_LETTER_WATCHERS = 8, KN_BROOD_BUCKETS = 64 };

enum kn_agent_flag {
    KN_AGENT_SPECIAL = 1u << 0,  /* (c) sends take the long way: bytes bounded, DROP_OLD, SIGNAL */
    KN_AGENT_FIBER = 1u << 1,    /* (c) */
    KN_AGENT_WAITER = 1u << 2,   /* (c) stands for a thread outside that waits for an answer */
    KN_AGENT_ADAPTIVE = 1u << 3, /* (c) no priority was asked for: its profile may set it */
};

/* In an agent's priority: it is slow, and does not take the short cut of the LIFO slot. */
enum { KN_PRIO_TAIL = 0x80 };

struct kn_alarm_entry;
struct kn_claim;
struct kn_outbox;
struct kn_fiber_agent;
struct kn_letters;
struct kn_window;
struct kn_brood;
struct kn_name;
struct kn_names;

/* What few agents need: made at first use. (s) */
struct kn_cold {
    const struct koken_agent_type
        *type; /* the type it was spawned as, when `become` has changed it */
    struct kn_envelope *stash_head, *stash_tail;
    struct kn_alarm_entry *alarms; /* table of what is under way; see alarm.h */
    uint32_t alarm_capacity;
    uint32_t alarm_free;     /* first free entry + 1; 0: none */
    uint64_t alarm_serial;   /* alarms so far */
    struct kn_claim *claims; /* requests taken but not yet answered */
    uint32_t claim_serial;
    struct kn_outbox *outbox; /* messages that wait for room at a PARK mailbox */
    struct kn_fiber_agent *fiber;
    struct kn_name *names;     /* its names and memberships; registry.h */
    struct kn_envelope *bonds; /* requests of those who want to hear of its end; link.h */
    int doom;                  /* the failure of a linked agent that ends this one, or 0 */
    bool is_trapping;          /* the end of a linked agent is a message to it */
    bool is_leaving;           /* it has answered KOKEN_STOP, and ends when its outbox is empty */
    uint64_t born_ns;          /* first profile sample, 0: none yet */
    uint64_t busy_ns;          /* sampled running time, scaled up */
};

/* One slot. 192 bytes; the memory of slots is never given back while the runtime lives. */
struct kn_agent {
    /* First line: what senders and the scheduler touch. */
    struct kn_mailbox mailbox;
    kn_atomic(uint64_t)
        id; /* (a) {generation, index} of the living agent, or the next one born here */
    kn_atomic(struct kn_overflow *)
        overflow;                   /* (a) made at first need, freed with the slot's grace */
    struct kn_runnable run;         /* the scheduler's */
    uint8_t policy;                 /* (c) enum koken_policy */
    kn_atomic(uint8_t) priority;    /* (a) enum kn_prio, perhaps with KN_PRIO_TAIL */
    uint8_t flags;                  /* (c) enum kn_agent_flag */
    uint8_t publish_every;          /* (c) consumed is published every so many messages */
    kn_atomic(uint32_t) run_ns_ema; /* (a) written by (s), rarely: per message, 0 not sampled yet */

    /* Second line: the holder of S. */
    struct kn_intake intake;
    kn_atomic(const struct koken_agent_type *) behaviour; /* (a) written by (s), read by reports */
    void *state;                                          /* (s) inline_state or a block */
    struct kn_cold *cold;                                 /* (s) or NULL */
    kn_atomic(uint32_t) handled;                          /* (a) written by (s): messages, wraps */
    uint32_t born_ms; /* (c) koken_now() at the spawn, coarse, in ms, wraps */

    unsigned char inline_state[KN_INLINE_STATE] KN_ALIGNED(KN_CACHE_LINE); /* (s) */
#ifdef KN_TSAN_AGENTS
    struct kn_stage *stage; /* (s) stage.h */
#endif
};

_Static_assert(offsetof(struct kn_agent, intake) == 64, "senders touch one line of an agent");
_Static_assert(offsetof(struct kn_agent, inline_state) == 128, "a state has a line of its own");
#ifndef KN_TSAN_AGENTS
_Static_assert(sizeof(struct kn_agent) == 192, "an idle agent is three cache lines");
#endif
_Static_assert((int)KN_INLINE_STATE == (int)KN_CACHE_LINE, "the third one is the state");
_Static_assert((KN_PARK_BUCKETS & (KN_PARK_BUCKETS - 1)) == 0, "a power of two");
_Static_assert((int)KN_PRIO_COUNT_ <= (int)KN_PRIO_TAIL,
               "a priority and the tail bit share a byte");
_Static_assert((int)KOKEN_POLICY_COUNT_ <= UINT8_MAX, "a policy is a byte");

/* Counters of one worker, or (m) of all threads outside. One writer each, summed by koken_metrics.
 */
struct kn_counters {
    struct kn_count sent, received, dropped, dead, refused, spawned, exited, failed, timers;
    struct kn_count letters[KOKEN_DEAD_REASON_COUNT_]; /* dead letters */
};

enum kn_ctx_event {
    KN_CTX_KEPT = 1u << 0,      /* the message was stashed: not to be freed */
    KN_CTX_TABLE = 1u << 1,     /* another behaviour */
    KN_CTX_PARKED = 1u << 2,    /* a send went into the outbox */
    KN_CTX_LAST = 1u << 3,      /* of an exit hook: its agent will not come to wait for room */
    KN_CTX_UNSTASHED = 1u << 4, /* messages have come back into the private list */
    KN_CTX_FAILED = 1u << 5,    /* koken_fail: the handler's answer is ctx->failure */
};

/* What handlers are given: of the turn for a handler agent, of its life for a fiber agent. */
struct koken_ctx {
    struct koken *rt; /* (c) */
    struct kn_local
        *local; /* of the worker that runs the agent now: a blocking section changes it */
    struct kn_agent *self;   /* the running agent */
    uint64_t id;             /* its id */
    struct kn_envelope *msg; /* the present message or NULL */
    uint32_t events;  /* enum kn_ctx_event: what the handler has done that its turn must know */
    uint32_t request; /* number of the request that the present message answers */
    int failure;      /* of a fiber agent, or with KN_CTX_FAILED */
    struct koken_ctx *outer; /* of an init or exit hook: the context it was called in, or NULL */
    struct kn_call *call;    /* of a turn inside of a fiber's, which awaits its answer; call.h */
};

/* What the handler that has just run in ctx answers: rc, unless it has called koken_fail. */
static inline int kn_ctx_verdict(const struct koken_ctx *ctx, int rc)
{
    return kn_unlikely(ctx->events & KN_CTX_FAILED) ? ctx->failure : rc;
}

/* The actors' part of a worker; worker->local. */
struct KN_ALIGNED(KN_FALSE_SHARING) kn_local {
    kn_atomic(uint64_t)
        self_id; /* (a) written by (w): the running agent, sender of what is sent; 0 none */
    struct kn_worker *worker;        /* (c) */
    struct koken *rt;                /* (c) */
    struct kn_agent *free_slots;     /* (w) linked by run.next as agents */
    uint32_t free_count;             /* (w) */
    uint32_t dead_count;             /* (w) */
    bool dead_hold;                  /* (w) some of them hold an overflow part */
    struct kn_agent *dead;           /* (w) ended, waiting to make a batch for their grace period */
    struct kn_agent *dead_last;      /* (w) the one that ended first; valid while dead is set */
    struct koken_ctx *running;       /* (w) context of the agent that runs now, or NULL */
    struct kn_envelope *birth_bond;  /* (w) for the next agent born here, or NULL; link.h */
    bool can_be_alone;               /* (c) alone.h */
    kn_atomic(uint32_t) is_busy;     /* (a) written by (w) */
    uint32_t visits_seen;            /* (w) */
    uint32_t lonely;                 /* (w) quiescent states since the last visit */
    struct koken_histogram *latency; /* (w) from send to handling, NULL unless is_stamping */
    bool is_stamping;                /* (c) messages carry the time of their send */
    bool is_unusual; /* (w) sends take the long way: stamping, or the running agent is parked */
    struct kn_counters counters; /* (w) */
    uint64_t far;                /* (w) sends to whoever last ran on another worker */
    uint64_t passed;             /* (w) items put into channels and taken out of them */
    uint64_t sample_due;         /* (w) the worker's tick from which on a turn is timed */
    kn_atomic(struct kn_letters *) letters; /* (a) made by (w) at the first; deadletter.h */
    struct kn_stacks stacks;                /* (w) of fibers */
    kn_atomic(const struct koken_type *)
        running_type;                  /* (a) written by (w): of the message at work */
    kn_atomic(uint64_t) running_since; /* (a) written by (w): start of the turn, coarse */

    /* Of threads that are not the worker; read by it in every send. */
    KN_ALIGNED(KN_FALSE_SHARING) kn_atomic(uint32_t) is_shared; /* (a) alone.h */
};

/* Which worker may have the mailboxes for itself, and who else is there; alone.h. */
struct KN_ALIGNED(KN_FALSE_SHARING) kn_bias {
    kn_atomic(uint32_t)
        visitors; /* (a) threads that may be at a mailbox, those of the workers included */
    kn_atomic(uint32_t) visits; /* (a) so many came, a hint */
    kn_atomic(uint32_t) owner;  /* (a) index of the worker that has the bias, if any has */
    bool is_possible;           /* (c) there is a membarrier */
    bool is_single;             /* (c) the runtime has one worker */
};

/* The bounds of a mailbox as the options and the runtime's defaults make them. (spawn.c) */
struct kn_bounds {
    uint32_t limit, low;
    uint8_t policy;
    uint8_t publish_every;
    bool is_special; /* KN_AGENT_SPECIAL, but for a bound in bytes */
};

/* The phases of a runtime's life; koken.stopping. (stop.c) */
enum kn_phase { KN_RUNNING, KN_REFUSING, KN_CANCELLING, KN_KILLING };

struct koken {
    struct kn_sched *sched;                /* (c) */
    struct koken_options options;          /* (c) with all defaults filled in */
    struct kn_bounds bounds;               /* (c) of an agent without options of its own */
    struct kn_local *locals;               /* (c) one per worker */
    unsigned worker_count;                 /* (c) */
    struct kn_depot *depots[KN_NODES_MAX]; /* (c) one per NUMA node that has workers, and [0] */
    unsigned node_count;                   /* (c) highest such node + 1 */
    kn_atomic(uint32_t) stopping;          /* (a) 0 runs, 1 refuses from outside, 2 cancels */

    struct kn_bias bias; /* alone.h */

    struct kn_stack_pool stack_pool; /* its own lock, a leaf */
    struct kn_reclaimer reclaimer;   /* its own lock */

    pthread_mutex_t slots_lock;             /* rank 20: chunk list, fresh slots, returned batches */
    struct kn_chunk *chunks;                /* (m) slots_lock */
    uint32_t chunk_count;                   /* (m) slots_lock */
    struct kn_shelf *shelves[KN_NODES_MAX]; /* (m) slots_lock */
    struct kn_chunk
        *open_chunks[KN_NODES_MAX]; /* (m) slots_lock: the one with room, per NUMA node */
    struct kn_slot_batch *returned; /* (m) slots_lock: slots whose grace is over, newest first */

    pthread_mutex_t outside_lock; /* rank 10: everything that threads outside share */
    struct kn_pool outside_pool;  /* (m) outside_lock */
    struct kn_counters outside;   /* (m) outside_lock */

    pthread_mutex_t park_lock;                 /* rank 30: the graph of who is parked on whom */
    struct kn_outbox *parked[KN_PARK_BUCKETS]; /* (m) park_lock: edges by who */

    kn_atomic(struct kn_letters *) letters; /* (a) of threads outside; deadletter.h */
    kn_atomic(uint64_t) letters_logged;     /* (a) when there was a line in the log */
    kn_atomic(uint64_t) letter_watchers[KN_LETTER_WATCHERS]; /* (a) ids, 0: free */

    kn_atomic(uint32_t) awaits; /* (a) edges of awaits between fibers */

    pthread_mutex_t names_lock;         /* rank 5: changes of names */
    kn_atomic(struct kn_names *) names; /* (a) made under names_lock; registry.h */

    pthread_mutex_t broods_lock;               /* rank 32: what others may know of supervisors */
    struct kn_brood *broods[KN_BROOD_BUCKETS]; /* (m) broods_lock */

    pthread_mutex_t endings_lock; /* rank 4: what is to be told of its end; pending.h */
    struct kn_list endings;       /* (m) endings_lock */
    bool has_ended;               /* (m) endings_lock: they have been told */
    struct kn_window *window;     /* (c) until the stop: for `koken why`, or NULL; window.h */

    struct koken *next_living; /* (m) the lock of living.c */
    bool is_claimed;           /* (m) the lock of living.c: a thread is stopping it */
};

static inline uint64_t kn_agent_id(const struct kn_agent *a)
{
    /* Relaxed: asked by those who hold the agent, whose generation does not change under them. */
    return kn_load(&a->id, relaxed);
}

static inline koken_ref kn_agent_ref(const struct kn_agent *a)
{
    koken_ref ref = {kn_agent_id(a)};
    return ref;
}

static inline const struct koken_agent_type *kn_agent_behaviour(const struct kn_agent *a)
{
    return kn_load(&a->behaviour, relaxed); /* relaxed: what it points to is constant */
}

/* Whether there may be a row of that kind; to be searched for then. */
static inline bool kn_agent_type_may_have(const struct koken_agent_type *type,
                                          enum koken_row_kind kind)
{
    return type->kinds == 0 || (type->kinds >> kind & 1);
}

/* The cold part of an agent, made now if need be; NULL: no memory. Thread: holder of S. */
struct kn_cold *kn_agent_cold(struct kn_agent *a);

/* Makes spare the cold part of an agent, or frees it if there is one. Thread: holder of S. */
void kn_agent_cold_from(struct kn_agent *a, struct kn_cold *take_spare);

/* One turn of a handler agent: the step of its runnable. (turn.c) */
enum kn_ran kn_agent_turn(struct kn_worker *worker, struct kn_runnable *run);

/*
 * Whether the calling thread may use what is local's: it holds the worker, or it is the one that
 * stops the runtime after all workers are gone.
 */
static inline bool kn_local_is_held(const struct kn_local *local)
{
    const struct kn_worker *mine = kn_worker_current();
    return mine == local->worker || mine == NULL;
}

/* Whether the agent has done its work and only waits for room for what it has sent. */
static inline bool kn_agent_is_leaving(const struct kn_agent *a)
{
    return kn_unlikely(a->cold != NULL) && a->cold->is_leaving;
}

/* Whether S is set: somebody, in its asserts the caller, is responsible for the agent. */
static inline bool kn_agent_is_held(const struct kn_agent *a)
{
    return kn_load(&a->mailbox.word, relaxed) & KN_MB_SCHEDULED; /* relaxed: does not change */
}

/*
 * Checks all that must hold of an agent, and stops the process otherwise. True, so that it can
 * stand in an assert. Thread: holder of S, online in RCU. (check.c)
 */
bool kn_agent_check(const struct kn_agent *a);

/* Tells the debug checks of capabilities who runs on this thread. 0: nobody. */
static inline void kn_turn_of(uint64_t id)
{
#ifdef KN_DEBUG
    kn_caps_run(id);
#else
    (void)id;
#endif
}

/* Says who runs, for senders: at the begin of a turn, and when it passes to the next agent. */
static KN_ALWAYS_INLINE void kn_turn_pass(struct kn_local *local, struct kn_agent *a,
                                          struct koken_ctx *ctx)
{
    KN_ASSERT(kn_agent_is_held(a));
    KN_ASSERT(!(kn_load(&a->mailbox.word, relaxed) & KN_MB_CLOSED));
    KN_ASSERT(ctx->rt == local->rt);
    uint64_t id = kn_agent_id(a);
    kn_store(&local->self_id, id, relaxed); /* relaxed: for reports, and this worker itself */
    uint16_t here = (uint16_t)local->worker->index;
    if (kn_unlikely(kn_load(&a->mailbox.taker, relaxed) != here)) { /* relaxed: a hint */
        kn_store(&a->mailbox.taker, here, relaxed);
    }
    ctx->self = a;
    ctx->id = id;
    kn_turn_of(id);
}

/* Frame a turn: who runs, for senders and for reports. */
static inline void kn_turn_begin(struct kn_local *local, struct kn_agent *a, struct koken_ctx *ctx)
{
    KN_ASSERT(kn_worker_current() == local->worker);
    KN_ASSERT(local->worker->local == local);
    /* Relaxed, both: for reports. */
    kn_store(&local->running_since, kn_worker_now(local->worker), relaxed);
    kn_store(&local->running_type, NULL, relaxed); /* as above: nothing yet */
    local->running = ctx;
    kn_turn_pass(local, a, ctx);
}

static inline void kn_turn_end(struct kn_local *local)
{
    KN_ASSERT(kn_worker_current() == local->worker);
    kn_store(&local->self_id, 0, relaxed); /* as above */
    local->running = NULL;
    kn_turn_of(0);
}

/*
 * Frame a hook of agent a inside what runs on the worker. After it that may be another worker:
 * unnest answers its local, and tells the context outside. (end.c)
 */
void kn_ctx_nest(struct koken_ctx *ctx, struct kn_local *local, struct kn_agent *a);
struct kn_local *kn_ctx_unnest(struct koken_ctx *ctx);

/* Gives an envelope back once handled, or leaves it for the take that stops needing it. */
static inline void kn_envelope_done(struct kn_local *local, struct kn_agent *a,
                                    struct kn_envelope *e)
{
    KN_ASSERT(kn_local_is_held(local));
    KN_ASSERT(e->size_class < KN_SIZE_CLASS_COUNT);
    KN_ASSERT(!(e->flags & KN_ENV_DONE)); /* once */
    if (e == a->intake.boundary) {
        e->flags |= KN_ENV_DONE;
    } else {
        kn_envelope_free(&local->worker->pool, e);
    }
}

/*
 * Frees an envelope, or sends it as the answer that it owes (request.h). local NULL: from outside.
 * (request.c)
 */
void kn_envelope_part(struct koken *rt, struct kn_local *local, struct kn_envelope *take_envelope);

/* Gives the envelope back that has stopped being the boundary, if it has been handled, or sends it as the
 * answer that it owes. NULL: nothing. */
static inline void kn_envelope_release(struct kn_local *local, struct kn_envelope *old)
{
    if (old && (old->flags & KN_ENV_DONE)) {
        KN_ASSERT(kn_local_is_held(local));
        if (kn_unlikely(old->flags & KN_ENV_OWED)) {
            kn_envelope_part(local->rt, local, old);
        } else {
            kn_envelope_free(&local->worker->pool, old);
        }
    }
}

/*
 * What a system message does to an agent: 0 nothing more, KOKEN_STOP or < 0 to end it. *deliver: it
 * is for the agent's own handlers. (system.c)
 */
int kn_agent_system(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e,
                    bool *deliver);

/*
 * Ends an agent: exit hook, mailbox closed, what waited there becomes dead letters, alarms
 * cancelled, slot given up. Thread: holder of S, which is gone afterwards. (end.c)
 */
void kn_agent_end(struct kn_local *local, struct kn_agent *a, int reason);

/* The same, without the exit hook for an agent that is killed. (end.c) */
void kn_agent_end_quietly(struct kn_local *local, struct kn_agent *a, int reason, bool with_hook);

/*
 * Disposes of what an envelope carries when it will not be handled: payload dropped, its request
 * answered with error. The envelope itself stays the caller's, for kn_envelope_part or _over. (end.c)
 */
void kn_dead_letter(struct kn_local *local, struct kn_envelope *e, int error);

/* Handles the messages of the system lane that have come. 0, or what ends the agent. (turn.c) */
int kn_agent_run_system(struct koken_ctx *ctx, struct kn_agent *a);

/* Tells all who wait for room at an agent's mailbox. local NULL: outside. (park.c) */
void kn_room_made(struct kn_local *local, struct kn_agent *a);

/*
 * The caller has ended the pressure on an agent's mailbox: tells the first of those who wait for room, one
 * for each 128 messages of it. The agent itself tells the others (mailbox/DESIGN.md, D-MB-5). local NULL: outside. (park.c)
 */
void kn_room_opened(struct kn_local *local, struct kn_agent *a);

/* Ends the pressure on the mailbox, or tells more of the line, if it is time. Thread: the agent's holder. (park.c) */
void kn_room_look(struct kn_local *local, struct kn_agent *a);

/* The overflow part of an agent's mailbox, made now if need be; NULL: no memory. Thread: any.
 * (park.c) */
struct kn_overflow *kn_agent_overflow(struct kn_agent *a);

#endif
