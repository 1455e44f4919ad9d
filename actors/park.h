/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for room. A send to a full mailbox of policy PARK is not refused: the message goes into
 * the sender's outbox, and after the present handler the sender is parked: it handles no user
 * message until its outbox is empty. A parked agent is an idle agent whose turn tries the outbox
 * first; the receiver's relief nudges it. So there is no state besides the outbox, and a nudge too
 * many does no harm.
 *
 * Two agents that wait for each other would wait for ever. Who is parked on whom is a graph in
 * which each agent has at most one edge; an edge is entered under the runtime's park_lock, after
 * following the edges from the receiver: meeting the sender there means -EDEADLK for this send.
 */
#ifndef KN_ACTORS_PARK_H
#define KN_ACTORS_PARK_H

#include "actors/agent.h"

/*
 * An agent that answers KOKEN_STOP while it waits leaves when its outbox is empty: what it was told had been
 * sent is. Until then it handles nothing more. koken_exit, a failure and the end of the runtime do not wait.
 */

enum { KN_OUTBOX_MAX = 64 }; /* messages a parked agent may have in its outbox */

struct kn_outbox {
    struct kn_room_waiter waiter; /* in the receiver's list while is_waiting */
    struct kn_envelope *head;     /* (s) not accepted yet, oldest first, all for `to` */
    struct kn_envelope *tail;     /* (s) */
    uint32_t count;               /* (s) */
    bool is_waiting;              /* (s) entered with the receiver; may have been taken off since */
    uint64_t who;                 /* (m) rt->park_lock: the edge from who is parked */
    uint64_t to;                  /* (m) rt->park_lock: to whom it waits for */
    struct kn_outbox *next;       /* (m) rt->park_lock: in its bucket of rt->parked */
    uint64_t since_ns;            /* (m) rt->park_lock: when it was entered */
    uint32_t number;              /* (c) of an await: its request; 0: it waits for room */
    bool is_entered;              /* (m) rt->park_lock */
};

enum kn_parked { KN_PARKED_NO, KN_PARKED_IDLE, KN_PARKED_ENDED, KN_PARKED_AGAIN };

static inline bool kn_agent_is_parked(const struct kn_agent *a)
{
    return kn_unlikely(a->cold != NULL) && a->cold->outbox != NULL;
}

/* Says whether the sends of the agent that runs now go past an outbox. Thread: the worker of local.
 */
static inline void kn_park_mark(struct kn_local *local)
{
    local->is_unusual =
        local->is_stamping || (local->running && kn_agent_is_parked(local->running->self));
}

/*
 * Takes an envelope that a PARK mailbox refused. 0: it is in the outbox now. Errors: -EDEADLK,
 * -EAGAIN the agent waits for room elsewhere already, -ENOMEM; then the envelope is the caller's.
 * Thread: the running agent's worker.
 */
int kn_park_envelope(struct kn_local *local, struct kn_agent *self, uint64_t to,
                     struct kn_envelope *e);

/*
 * A further message of a parked agent to whom it waits for: behind the others, so that order holds.
 * Errors: -EAGAIN the outbox is full, or this is an exit hook (is_last), after which nobody empties it.
 */
int kn_park_append(struct kn_agent *self, struct kn_envelope *take_envelope, bool is_last);

/*
 * Tries the outbox. NO: it is empty now, go on. IDLE, ENDED: the turn is over, the agent not ours.
 * AGAIN: there is no memory to wait in line, the turn is to be repeated.
 */
enum kn_parked kn_park_turn(struct koken_ctx *ctx, struct kn_agent *a);

/* The parts of it that a fiber agent uses, which waits inside its send. */
int kn_park_enter(struct koken *rt, struct kn_outbox *keep_edge); /* -EDEADLK */
void kn_park_leave(struct koken *rt, struct kn_outbox *edge);     /* unless it was settled */

/*
 * The request of that number has its answer: its edge, if there is one, goes before the answer does, so
 * that who has answered may ask back. Thread: any.
 */
void kn_park_settle(struct koken *rt, uint64_t who, uint32_t number);

/* Who waits for whom: a copy of the edge from who. False: there is none. Thread: any. */
bool kn_park_edge(struct koken *rt, uint64_t who, struct kn_outbox *ret_edge);
int kn_park_wait(struct kn_agent *to, struct kn_outbox *keep_edge, bool *ret_again); /* -ENOMEM */
void kn_park_unwait(struct kn_outbox *edge);

/* Gives up what is in the outbox of an agent that ends: dead letters. Thread: holder of S. */
void kn_park_abandon(struct kn_local *local, struct kn_agent *a);

#endif
