/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fiber agents: an agent whose one handler is its whole life and runs on a stack of its own. Every
 * wait in it is a loop: look for what is wanted among what has come; suspend. Its turn resumes it
 * when anything has come, and goes idle when it suspends with nothing new. So no wait has a state
 * of its own to get wrong.
 */
#ifndef KN_ACTORS_FIBER_AGENT_H
#define KN_ACTORS_FIBER_AGENT_H

#include "actors/agent.h"
#include "actors/pending.h"
#include "sched/fiber.h"

#include <koken/give.h>

/*
 * What a fiber waits for, for the simulator's report of a deadlock: set where the wait begins, true while it
 * lasts and it does not wait for room.
 */
struct kn_fiber_wait_note {
    const char *what; /* "the answer", "a message", "time", "a file", "a channel", "a future" */
    const struct koken_type *type; /* of the answer's request, or of the message; or NULL */
    uint64_t whom;                 /* 0: nobody in particular */
    const void *on;                /* which channel or future; or NULL */
};

/* (s), all of it; most is touched from within the fiber, which then runs for the holder of S. */
struct kn_fiber_agent {
    struct koken_ctx ctx;
    struct kn_fiber *fiber; /* NULL until its first turn */
    struct kn_agent *agent;
    const void *arg;              /* of the body */
    struct kn_envelope *answer;   /* the reply to the request `awaited` */
    struct kn_outbox *await_edge; /* on its stack: it awaits the answer of another fiber */
    struct kn_outbox *edge;       /* on its stack: it is parked there */
    struct kn_bell *bell;         /* on its stack: it waits for its ring; bell.h */
    struct kn_pending *pending;   /* on its stack: it waits in what a floor above has */
    struct kn_call *call;         /* on its stack: its turn is to run whom it asks; call.h */
    struct kn_alarm *clock;       /* for the deadlines of its waits; NULL until the first */
    uint64_t deadline_ns;         /* of its present wait; KN_NEVER: none */
    uint64_t timeout_ns;          /* of a wait whose deadline has not been looked up; 0: it has */
    struct kn_fiber_wait_note waits;
    uint32_t awaited;    /* number of its present wait, 0 none */
    uint32_t serial;     /* of its waits */
    uint32_t consumed;   /* user messages received and not yet published */
    uint32_t received;   /* messages received in this turn */
    uint32_t since_look; /* messages received since it looked for system messages */
    bool is_late;        /* the deadline has passed */
    bool is_cancelled;   /* asked to stop */
    bool is_yielding;    /* suspended, but not waiting for anything */
    int result;          /* of the body */
    uint32_t arg_size;
    unsigned char arg_bytes[] KN_ALIGNED(16);
};

/* The fiber agent of a context, NULL for a handler agent. */
static inline struct kn_fiber_agent *kn_fiber_of(const koken_ctx *ctx)
{
    return ctx && ctx->self->cold ? ctx->self->cold->fiber : NULL;
}

/*
 * Takes in what has come: messages to their list, everything else to its meaning. True: there was
 * something; then look for it before suspending. Inside the fiber.
 */
bool kn_fiber_collect(struct kn_fiber_agent *f);

/*
 * Begins a wait of at most timeout_ns, whose number a reply may carry. 0: no memory. Ended by _end.
 */
uint32_t kn_fiber_wait_begin(struct kn_fiber_agent *f, uint64_t timeout_ns);
void kn_fiber_wait_end(struct kn_fiber_agent *f);

/*
 * Begins a wait without a look at the clock, which kn_fiber_wait_clock makes good if the wait lasts. 0: the fiber's
 * clock is not set so that this needs no memory then. Thread: holder of S.
 */
uint32_t kn_fiber_wait_quickly(struct kn_fiber_agent *f, uint64_t timeout_ns);
void kn_fiber_wait_clock(struct kn_fiber_agent *f);

/* Notes that the fiber's wait is for the answer to this. */
static inline void kn_fiber_note_await(struct kn_fiber_agent *f,
                                       const struct koken_await_call *call)
{
    f->waits =
        (struct kn_fiber_wait_note){.what = "the answer", .type = call->type, .whom = call->to.id};
}

/* The present message has been handled; rc < 0: its agent fails with that. Inside the fiber. */
void kn_fiber_message_over(struct kn_fiber_agent *f, int rc);

/* Between two messages: looks for system messages and lets others run, every so often. Inside the
 * fiber. */
void kn_fiber_pause(struct kn_fiber_agent *f);

/* The step of a fiber agent's runnable. */
enum kn_ran kn_fiber_turn(struct kn_worker *worker, struct kn_runnable *run);

/*
 * Suspends until something has come, and collects it. 0, -ECANCELED asked to stop, -ETIMEDOUT the
 * present wait is over. The caller looks for what it wants before and after.
 */
int kn_fiber_wait(struct kn_fiber_agent *f);

/* Spawns a fiber agent; local NULL: from outside. */
int kn_fiber_spawn(struct koken *rt, struct kn_local *local, const struct koken_agent_type *type,
                   const struct koken_spawn_options *options, koken_ref *ret_ref);

/* The fiber's memory back; what was on its stack is dropped. Thread: holder of S. */
void kn_fiber_agent_free(struct kn_local *local, struct kn_agent *a);

/*
 * Waits, inside a fiber's send, until e is accepted. As kn_park_envelope, and -ECANCELED, -ESRCH,
 * -ETIMEDOUT the wait that the send is part of is over.
 */
int kn_fiber_park(struct kn_agent *self, uint64_t to, struct kn_envelope *e);

#endif
