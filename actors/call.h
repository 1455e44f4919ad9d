/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: awaits that are answered without leaving the turn of the fiber that awaits. (D-AC-34)
 *
 *     fiber   push the request, finding S clear: the callee rests, and is ours to run
 *             suspend, with f->call set
 *     turn    run the callee, on the worker's stack; its koken_reply writes the answer where the fiber wants it
 *             answered: resume the fiber at once, unless the dispatch loop has something else to do first
 *             not answered: the fiber goes idle, and the answer comes as a message
 *
 * The fiber keeps its S meanwhile, so nothing that is sent to it wakes anybody. A callee that enters a
 * blocking section must not keep the fiber from its deadline: kn_call_leave lets go of it before.
 *
 * Within a call the fiber's deadline is not looked up. The request carries how long is waited instead of
 * until when (KN_ENV_AFTER), and whoever asks for its deadline first, or puts it aside, makes it one.
 */
#ifndef KN_ACTORS_CALL_H
#define KN_ACTORS_CALL_H

#include "actors/request.h"
#include "base/edges.h"
#include "sched/fair.h"

#include <errno.h>

/* On the fiber's stack, of whom it is until the turn takes it, and from when the turn gives it back. */
struct kn_call {
    struct kn_fiber_agent *caller;
    struct kn_agent *callee;     /* S of it is ours */
    struct kn_envelope *request; /* in its mailbox */
    const struct koken_await_call *asks;
    struct kn_wanted wanted;
    void *ret_answer;
    uint64_t asker;  /* id of the caller */
    uint32_t number; /* of the request */
    int rc;          /* once is_answered */
    bool is_answered;
};

enum kn_called {
    KN_CALLED_ANSWERED, /* the fiber can go on */
    KN_CALLED_OPEN,     /* there is no answer yet */
    KN_CALLED_GONE,     /* the fiber is not this turn's any more */
};

/*
 * Runs the callee of a fiber's call, in the fiber's turn, which may be another worker's afterwards.
 * (turn.c)
 */
enum kn_called kn_call_run(struct kn_call *call);

/* Before a blocking section in ctx: the fiber whose call this is goes its own way. (fiber_agent.c) */
void kn_call_leave(struct koken_ctx *ctx);

/* Gives the answer to a request to the fiber that waits in its turn. */
static inline void kn_call_answer(struct kn_local *local, struct kn_call *call,
                                  const struct koken_type *type, const void *payload)
{
    KN_ASSERT(!call->is_answered);
    call->is_answered = true;
    kn_hand_over(call); /* what the callee did is before what the fiber does with the answer */
    kn_count_add(&local->counters.sent, 1);
    kn_count_add(&local->counters.received, 1);
    if (kn_likely(kn_answer_fits(type, call->wanted))) {
        kn_payload_copy(call->ret_answer, payload, type->size);
        call->rc = 0;
        return;
    }
    if (type->drop) {
        type->drop((void *)(uintptr_t)payload);
    }
    call->rc = -EPROTO;
}

/* Whether a turn may go on to the next step without the dispatch loop. As kn_worker_next (sched/lifo.h). */
static inline bool kn_call_may_go_on(const struct kn_worker *worker)
{
    /* Relaxed: nudge is a hint, the others are written by this thread. */
    return kn_load(&worker->nudge, relaxed) == 0 &&
           kn_load(&worker->tick, relaxed) < worker->beat_due && worker->budget > 0 &&
           (kn_load(&worker->levels, relaxed) & KN_LEVELS_ABOVE_NORMAL) == 0;
}

/* Counts a step that the dispatch loop has not seen. */
static inline void kn_call_count_step(struct kn_worker *worker)
{
    worker->budget--;
    /* Relaxed: one writer; a measure for others. */
    kn_store(&worker->tick, kn_load(&worker->tick, relaxed) + 1, relaxed);
    kn_fair_run(worker, NULL);
}

#endif
