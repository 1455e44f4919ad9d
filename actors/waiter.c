/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads outside that wait for an answer. A waiter is an agent without handlers that stands for
 * the thread: answers find it by its handle, and late ones find nobody.
 *
 *     WAITING --answer, on a worker--> DONE       the thread reads the answer
 *        |
 *        +----timeout, on the thread--> GIVEN_UP   whatever comes later is thrown away
 *
 * One compare-and-swap decides. The waiter's memory belongs to the thread and the agent together;
 * the second of the two to let go frees it.
 */

#include "actors/waiter.h"

#include "actors/fiber_agent.h"
#include "actors/kn_rcu.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/spawn.h"
#include "actors/system.h"
#include "base/world.h"

#include <koken/give.h>

#include <errno.h>
#include <string.h>

enum state { WAITING, DONE, GIVEN_UP };

struct kn_waiter {
    koken_ref me;                  /* (c) its agent */
    uint64_t whom;                 /* (c) it waits for the answer of; for reports */
    kn_atomic(uint32_t) state;     /* (a) enum state, and the futex */
    kn_atomic(uint32_t) owners;    /* (a) thread and agent */
    int rc;                        /* written before DONE */
    const struct koken_type *type; /* likewise: of the answer */
    unsigned char answer[KN_PAYLOAD_MAX] KN_ALIGNED(32);
};

static const struct koken_row no_rows[1] = {{NULL, NULL, KOKEN_ROW_MESSAGE}};
static const struct koken_agent_type waiter_type = {
    "koken.waiter", sizeof(struct kn_waiter *), _Alignof(struct kn_waiter *), no_rows, 0, 0, 0};

static void let_go(struct kn_waiter *waiter)
{
    KN_ASSERT(kn_load(&waiter->owners, relaxed) >= 1);
    KN_ASSERT(kn_load(&waiter->owners, relaxed) <= 2);
    /* [AW2] release: what this owner did; acquire: what the other did, before the memory goes. */
    if (kn_sub(&waiter->owners, 1, acq_rel) == 1) {
        kn_free(waiter, sizeof *waiter, _Alignof(struct kn_waiter));
    }
}

/* An answer that nobody will read. */
static void drop_answer(const struct kn_envelope *e)
{
    if (e && e->type->drop) {
        e->type->drop((void *)(uintptr_t)e->payload);
    }
}

/* Settles the wait with what e says, or as cancelled (e NULL). Later calls do nothing. */
static void settle(struct kn_waiter *waiter, const struct kn_envelope *e)
{
    KN_ASSERT(!e || e->type->size <= sizeof waiter->answer);
    uint32_t waiting = WAITING;
    if (kn_load(&waiter->state, relaxed) != WAITING) { /* relaxed: only we make it DONE */
        drop_answer(e);
        return;
    }
    waiter->rc = -ECANCELED;
    if (e && (e->flags & KN_ENV_ERROR)) {
        waiter->rc = ((const struct koken_failed *)(const void *)e->payload)->error;
    } else if (e) {
        waiter->rc = 0;
        waiter->whom = 0;
        waiter->type = e->type;
        memcpy(waiter->answer, e->payload, e->type->size);
    }
    /* [AW1] release: the answer is there. */
    if (kn_cas_strong(&waiter->state, &waiting, DONE, release, relaxed)) {
        kn_futex_wake(&waiter->state, 1);
    } else {
        drop_answer(e);
    }
}

uint64_t kn_waiter_whom(const struct kn_agent *a)
{
    return (*(struct kn_waiter *const *)a->state)->whom;
}

void kn_waiter_end(struct kn_local *local, struct kn_agent *a)
{
    struct kn_waiter *waiter = *(struct kn_waiter **)a->state;
    KOKEN_CHECK(waiter != NULL);
    KN_ASSERT(a->flags & KN_AGENT_WAITER);
    KN_ASSERT(kn_agent_is_held(a));
    struct kn_envelope *e = a->intake.system_head;
    if (e) {
        a->intake.system_head = e->next;
        settle(waiter, e->flags & KN_ENV_REPLY ? e : NULL);
        kn_count_add(&local->counters.received, 1);
        kn_envelope_done(local, a, e);
    } else {
        settle(waiter, NULL);
    }
    kn_agent_end_quietly(local, a, 0, /* with_hook= */ false);
    let_go(waiter);
}

/* Whether a message ends the wait: the answer, or the request to stop. */
static bool is_settling(const struct kn_envelope *e)
{
    return (e->flags & KN_ENV_REPLY) || e->type == &kn_type_stop;
}

/* What else has been sent to the sender of a request: there is no handler for it. */
static void throw_away(struct kn_local *local, struct kn_agent *a, struct kn_envelope *e)
{
    if (e->lane == KN_LANE_USER) {
        kn_mailbox_consume(&a->mailbox, 1);
    }
    kn_dead_letter(local, e, -ENOTSUP);
    kn_envelope_over(local, a, e);
}

/* The waiter's turn: the answer settles it, and it ends. */
static enum kn_ran waiter_turn(struct kn_worker *worker, struct kn_runnable *run)
{
    struct kn_agent *a = kn_container_of(run, struct kn_agent, run);
    struct kn_local *local = worker->local;
    struct kn_envelope *e, *last = NULL;
    KN_ASSERT(a->flags & KN_AGENT_WAITER);
    KN_ASSERT(kn_agent_is_held(a));
    bool took;
    kn_envelope_release(local, kn_mailbox_take(&a->mailbox, &a->intake, &took));
    while ((e = kn_intake_next(&a->intake)) != NULL) { /* ends: what was taken is finite */
        if (is_settling(e)) {
            e->next = a->intake.system_head;
            a->intake.system_head = e;
            kn_waiter_end(local, a);
            return KN_RAN_DONE;
        }
        throw_away(local, a, e);
    }
    if (kn_mailbox_idle(&a->mailbox, &a->intake, &last)) {
        kn_envelope_release(local, last);
        return KN_RAN_DONE;
    }
    kn_room_look(local, a);
    return KN_RAN_AGAIN;
}

/* A waiter, of the calling thread and its agent. Errors: -ENOMEM. */
static int waiter_new(struct koken *rt, struct kn_waiter **ret_waiter)
{
    struct kn_waiter *waiter = kn_alloc(sizeof *waiter, _Alignof(struct kn_waiter), -1);
    if (!waiter) {
        return -ENOMEM;
    }
    struct koken_spawn_options o = {
        .capacity = 2, .high = 2, .low = 1, .policy = KOKEN_POLICY_REJECT};
    struct kn_birth birth = {&waiter_type, &o, waiter_turn, KN_AGENT_WAITER, false, &waiter, 0};
    struct kn_agent *a;
    kn_atomic_init(&waiter->state, WAITING);
    kn_atomic_init(&waiter->owners, 2);
    waiter->rc = 0;
    int rc = kn_agent_new(rt, NULL, &birth, &a);
    if (rc < 0) {
        kn_free(waiter, sizeof *waiter, _Alignof(struct kn_waiter));
        return rc;
    }
    kn_count_spawn(rt, NULL);
    waiter->me.id = birth.id;
    *ret_waiter = waiter;
    return 0;
}

/* The agent of a waiter that nobody will answer ends by e, which was to have been its request. */
static void call_off(struct koken *rt, struct kn_waiter *waiter, struct kn_envelope *e)
{
    e->type = &kn_type_stop;
    e->flags = 0;
    e->from = 0;
    (void)kn_post_made(rt, NULL, waiter->me.id, e); /* -ESRCH: a stop has been faster */
}

/* Waits for the settlement; gives up at the deadline. Thread: outside, offline in RCU. */
static int await(struct kn_waiter *waiter, uint64_t deadline)
{
    /* [AW1] acquire: the answer. */
    while (kn_load(&waiter->state, acquire) == WAITING) {
        if (kn_futex_wait(&waiter->state, WAITING, deadline) == -ETIMEDOUT) {
            uint32_t waiting = WAITING;
            /* Relaxed: an answer that came after all is met by the look above. */
            if (kn_cas_strong(&waiter->state, &waiting, GIVEN_UP, relaxed, relaxed)) {
                kn_rcu_visit();
                /* Gone already, or without memory: then its own answer, or the stop, ends it. */
                (void)kn_tell_outside(waiter->me, &kn_type_stop);
                kn_rcu_depart();
                return -ETIMEDOUT;
            }
        }
    }
    return waiter->rc;
}

static uint64_t deadline_of(uint64_t timeout_ns)
{
    if (timeout_ns == KOKEN_NO_DEADLINE) {
        return KN_NEVER;
    }
    uint64_t now = kn_now();
    return timeout_ns > KN_NEVER - 1 - now ? KN_NEVER - 1 : now + timeout_ns;
}

/*
 * Sends the request of a new waiter, which lives in the runtime of who is asked: so the envelope of the
 * request can become the answer, where there is no memory for another one. *ret_waiter also on failure, or
 * NULL.
 */
static int ask(struct kn_agent *a, const struct koken_type *type, const void *payload,
               uint64_t deadline, struct kn_waiter **ret_waiter)
{
    struct koken *there = kn_agent_runtime(a);
    struct kn_envelope *e =
        kn_request_new(there, NULL, type, payload, deadline == KN_NEVER ? 0 : deadline);
    int rc = e ? waiter_new(there, ret_waiter) : -ENOMEM;
    if (rc < 0) {
        if (e) {
            kn_envelope_part(there, NULL, e);
        }
        return rc;
    }
    e->from = (*ret_waiter)->me.id;
    e->corr = 1;
    (*ret_waiter)->whom = kn_agent_id(a);
    rc = kn_send_outside(there, a, e);
    if (rc < 0) {
        (void)kn_tell_outside((*ret_waiter)->me,
                              &kn_type_stop); /* without memory: the stop ends it */
    }
    return rc;
}

int koken_await_rt_(struct koken *rt, koken_ref to, uint64_t timeout_ns, void *ret_answer,
                    size_t answer_size, const struct koken_type *type, const void *payload)
{
    struct koken_await_call call = {to,          timeout_ns, ret_answer, NULL,
                                    answer_size, type,       payload,    NULL};
    return koken_await_handle_rt_(rt, &call);
}

int koken_await_handle_rt_(struct koken *rt, const struct koken_await_call *call)
{
    const struct kn_wanted wanted = {call->answer_type, call->answer_size};
    if (!rt || !call->ret_answer) {
        return -EINVAL;
    }
    struct kn_local *local = kn_local_here();
    if (local) {
        return local->running ? koken_await_handle_ctx_(local->running, call) : -ENOTSUP;
    }
    struct kn_waiter *waiter = NULL;
    uint64_t deadline = deadline_of(call->timeout_ns);
    kn_rcu_visit();
    struct kn_agent *a = kn_resolve(call->to.id);
    int rc = !a ? -ESRCH : (kn_load(&rt->stopping, relaxed) ? -ESHUTDOWN : 0);
    if (rc == 0) {
        rc = ask(a, call->type, call->payload, deadline, &waiter);
    }
    kn_rcu_depart();
    if (rc >= 0 && call->ret_is_sent) {
        *call->ret_is_sent = true;
    }
    if (rc >= 0) {
        rc = await(waiter, deadline);
        if (rc == 0 && !kn_answer_fits(waiter->type, wanted)) {
            rc = -EPROTO;
            if (waiter->type->drop) {
                waiter->type->drop(waiter->answer);
            }
        }
        if (rc == 0) {
            memcpy(call->ret_answer, waiter->answer, waiter->type->size);
        }
    }
    if (waiter) {
        let_go(waiter);
    }
    return rc;
}

int kn_spawn_prepare(struct koken *rt, const struct kn_init_arg *payload,
                     struct kn_envelope **ret_start, struct kn_waiter **ret_waiter)
{
    struct kn_envelope *e = kn_message_new_outside(rt, &kn_type_init, payload);
    *ret_waiter = NULL;
    int rc = !e ? -ENOMEM : payload->is_waiting ? waiter_new(rt, ret_waiter) : 0;
    if (rc < 0) {
        if (e) {
            kn_envelope_part(rt, NULL, e);
        }
        return rc;
    }
    if (*ret_waiter) {
        e->from = (*ret_waiter)->me.id;
        e->corr = 1;
    }
    *ret_start = e;
    return 0;
}

void kn_spawn_forget(struct koken *rt, struct kn_envelope *start, struct kn_waiter *waiter)
{
    if (waiter) {
        call_off(rt, waiter, start);
        let_go(waiter);
    } else {
        kn_envelope_part(rt, NULL, start);
    }
}

int kn_spawn_start(struct koken *rt, koken_ref who, struct kn_envelope *start,
                   struct kn_waiter *waiter)
{
    int rc = kn_post_system(NULL, who.id, start);
    if (rc < 0) {
        kn_spawn_forget(rt, start, waiter);
        return -ESHUTDOWN; /* only a stop can have known the newborn */
    }
    pthread_mutex_lock(&rt->outside_lock);
    kn_count_add(&rt->outside.sent, 1);
    pthread_mutex_unlock(&rt->outside_lock);
    if (waiter) {
        kn_rcu_depart();
        rc = await(waiter, KN_NEVER);
        rc = rc > 0 ? -ECANCELED : rc;
        kn_rcu_visit();
        let_go(waiter);
    }
    return rc;
}
