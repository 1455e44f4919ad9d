/* SPDX-License-Identifier: Apache-2.0 */
/* What fiber agents may call: receive, await, sleep, yield, blocking work. */
#include "actors/fiber_agent.h"

#include "actors/call.h"
#include "actors/kn_rcu.h"
#include "actors/park.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "base/edges.h"
#include "base/platform/switch.h"
#include "base/world.h"

#include <koken/fiber.h>
#include <koken/give.h>

#include <errno.h>
#include <string.h>

/* First of the user lane, or NULL; DROP_OLD keeps its lane elsewhere. */
static struct kn_envelope *pop_user(struct kn_agent *a)
{
    struct kn_envelope *e = a->intake.user_head;
    if (e) {
        a->intake.user_head = e->next;
    } else if (a->policy == KOKEN_POLICY_DROP_OLD) {
        e = kn_overflow_pop(kn_load(&a->overflow, relaxed)); /* relaxed: made at the spawn */
    }
    return e;
}

/* First of that type in the user lane, taken out of it, or NULL. */
static struct kn_envelope *pop_typed(struct kn_agent *a, const struct koken_type *type)
{
    struct kn_envelope *before = NULL;
    for (struct kn_envelope *e = a->intake.user_head; e; before = e, e = e->next) {
        if (e->type != type) {
            continue;
        }
        if (before) {
            before->next = e->next;
        } else {
            a->intake.user_head = e->next;
        }
        if (a->intake.user_tail == e) {
            a->intake.user_tail = before;
        }
        return e;
    }
    return a->policy == KOKEN_POLICY_DROP_OLD
               ? kn_overflow_pop_type(kn_load(&a->overflow, relaxed), type) /* relaxed: as above */
               : NULL;
}

/* Waits for a message, of that type or (NULL) any, and makes it the present one. */
KN_UNPAIRED static int receive(struct kn_fiber_agent *f, uint64_t timeout_ns,
                               const struct koken_type *type)
{
    KN_ASSERT(!f->awaited);
    KN_ASSERT(!f->edge);
    struct kn_agent *a = f->agent;
    int rc = 0;
    if (f->ctx.msg) {
        kn_fiber_message_over(f, 0);
        kn_fiber_pause(f);
    }
    for (;;) { /* ends: a message, cancelled, or the deadline */
        if (f->is_cancelled) {
            rc = -ECANCELED;
            break;
        }
        f->ctx.msg = type ? pop_typed(a, type) : pop_user(a);
        if (!f->ctx.msg) {
            (void)kn_fiber_collect(f);
            f->ctx.msg = type ? pop_typed(a, type) : pop_user(a);
        }
        if (f->ctx.msg) {
            kn_take_over(f->ctx.msg);
            break;
        }
        if (timeout_ns == 0) {
            rc = -ETIMEDOUT;
            break;
        }
        if (timeout_ns != KOKEN_NO_DEADLINE && !f->awaited && !kn_fiber_wait_begin(f, timeout_ns)) {
            rc = -ENOMEM;
            break;
        }
        f->waits = (struct kn_fiber_wait_note){.what = "a message", .type = type};
        rc = kn_fiber_wait(f);
        if (rc < 0) {
            break;
        }
    }
    kn_fiber_wait_end(f);
    if (f->ctx.msg) {
        kn_store(&f->ctx.local->running_type, f->ctx.msg->type, relaxed); /* for reports only */
    }
    return rc;
}

KN_UNPAIRED int koken_receive(koken_ctx *ctx, uint64_t timeout_ns, struct koken_received *ret_msg)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    if (!f) {
        return -ENOTSUP;
    }
    int rc = receive(f, timeout_ns, NULL);
    if (rc == 0) {
        ret_msg->type = ctx->msg->type;
        ret_msg->payload = ctx->msg->payload;
        ret_msg->from.id = ctx->msg->from;
    }
    return rc;
}

KN_UNPAIRED int koken_receive_only_(koken_ctx *ctx, uint64_t timeout_ns,
                                    const struct koken_type *type, void *ret_payload)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    if (!f) {
        return -ENOTSUP;
    }
    int rc = receive(f, timeout_ns, type);
    if (rc == 0) {
        memcpy(ret_payload, ctx->msg->payload, type->size);
        if (type->drop && type->field_count > 0) { /* handles: in one place only */
            memset(ctx->msg->payload, 0, type->size);
        }
    }
    return rc;
}

/*
 * Awaits of fibers by fibers are edges of the graph of who waits for whom (park.h). A handler agent never
 * awaits, so an await of one closes no cycle but by its being parked; there the cost is saved.
 */
static int enter_await(struct kn_fiber_agent *f, struct kn_outbox *edge)
{
    const struct kn_agent *to = kn_resolve(edge->to);
    if (!to || !(to->flags & KN_AGENT_FIBER) || kn_agent_runtime(to) != f->ctx.rt) {
        return 0;
    }
    int rc = kn_park_enter(f->ctx.rt, edge);
    f->await_edge = rc == 0 ? edge : NULL;
    return rc;
}

static void leave_await(struct kn_fiber_agent *f)
{
    if (f->await_edge) {
        kn_park_leave(f->ctx.rt, f->await_edge);
        f->await_edge = NULL;
    }
}

/* Whether agent a may run in the turn of a fiber agent that asks it. Under the simulator: not always. */
static bool can_be_called(struct kn_local *local, const struct kn_agent *a,
                          const struct kn_agent *asker)
{
    const unsigned not_so = KN_AGENT_FIBER | KN_AGENT_WAITER | KN_AGENT_SPECIAL;
#ifdef KN_SIM
    if (kn_random(&local->worker->rng) % 4 == 0) {
        return false;
    }
#endif
    /* Relaxed, both: hints. */
    return !(a->flags & not_so) && !local->is_unusual && local->worker->has_lifo &&
           kn_load(&a->priority, relaxed) == KN_PRIO_NORMAL &&
           kn_load(&asker->priority, relaxed) == KN_PRIO_NORMAL &&
           kn_mailbox_is_resting(&a->mailbox);
}

/*
 * Asks as a call (call.h), if the one asked is a handler agent that rests and the fiber has no more than the usual
 * priority. True: *inside is under way; the fiber is to suspend, and *inside tells of the answer, or it comes later.
 * False: nothing has been done, or (f->awaited) the request has been sent.
 */
static bool begin_call(struct kn_fiber_agent *f, const struct koken_await_call *call,
                       struct kn_call *inside)
{
    struct kn_local *local = f->ctx.local;
    struct kn_agent *a = kn_resolve_in(local->rt, call->to.id);
    if (!a || !can_be_called(local, a, f->agent) || call->timeout_ns == 0) {
        return false;
    }
    bool is_endless = call->timeout_ns == KOKEN_NO_DEADLINE;
    struct kn_await_until until = {is_endless ? 0 : call->timeout_ns, !is_endless};
    uint32_t number = kn_fiber_wait_quickly(f, call->timeout_ns);
    if (kn_unlikely(!number)) {
        number = kn_fiber_wait_begin(f, call->timeout_ns);
        until = (struct kn_await_until){f->deadline_ns, false};
    }
    if (kn_unlikely(!number)) {
        return false;
    }
    enum kn_push pushed =
        kn_request_push(local, a, number, until, call->type, call->payload, &inside->request);
    if (pushed == KN_PUSH_WAKE) {
        inside->caller = f;
        inside->callee = a;
        inside->asker = f->ctx.id;
        inside->number = number;
        f->call = inside;
        return true;
    }
    if (pushed == KN_PUSH_OK) {
        kn_fiber_wait_clock(f);
    } else {
        kn_fiber_wait_end(f);
    }
    return false;
}

/* Ends an await with the answer that has come, or else with rc. */
static int end_await(struct kn_fiber_agent *f, struct kn_wanted wanted, void *ret_answer, int rc)
{
    struct kn_envelope *e = f->answer;
    f->answer = NULL;
    kn_fiber_wait_end(f);
    if (!e) {
        return rc;
    }
    rc = 0;
    if (e->flags & KN_ENV_ERROR) {
        rc = ((const struct koken_failed *)(const void *)e->payload)->error;
    } else if (!kn_answer_fits(e->type, wanted)) {
        rc = -EPROTO;
    } else {
        memcpy(ret_answer, e->payload, e->type->size);
    }
    if (rc == -EPROTO && e->type->drop) {
        e->type->drop(e->payload);
    }
    kn_count_add(&f->ctx.local->counters.received, 1);
    kn_envelope_done(f->ctx.local, f->agent, e);
    return rc;
}

/* The request has been sent, and the answer comes as a message. */
KN_UNPAIRED static int await_answer(struct kn_fiber_agent *f, const struct koken_await_call *call,
                                    struct kn_wanted wanted)
{
    int rc = 0;
    kn_fiber_note_await(f, call);
    while (rc == 0 && !f->answer) { /* ends: the answer, the deadline, or cancelled */
        rc = kn_fiber_wait(f);
    }
    leave_await(f);
    return end_await(f, wanted, call->ret_answer, rc);
}

/* Asks by messages both ways. */
KN_UNPAIRED static int await_message(struct kn_fiber_agent *f, const struct koken_await_call *call,
                                     struct kn_wanted wanted)
{
    uint32_t number = kn_fiber_wait_begin(f, call->timeout_ns);
    if (!number) {
        return -ENOMEM;
    }
    struct kn_outbox edge = {.who = f->ctx.id, .to = call->to.id, .number = number};
    int rc = enter_await(f, &edge);
    if (rc == 0) {
        uint64_t deadline_ns = f->deadline_ns == KN_NEVER ? 0 : f->deadline_ns;
        rc = kn_request_send(&f->ctx, call->to, number, deadline_ns, call->type, call->payload);
    }
    if (rc < 0) {
        leave_await(f);
        kn_fiber_wait_end(f);
        return rc;
    }
    if (call->ret_is_sent) {
        *call->ret_is_sent = true;
    }
    return await_answer(f, call, wanted);
}

KN_UNPAIRED int koken_await_ctx_(koken_ctx *ctx, koken_ref to, uint64_t timeout_ns,
                                 void *ret_answer, size_t answer_size,
                                 const struct koken_type *type, const void *payload)
{
    struct koken_await_call call = {to,          timeout_ns, ret_answer, NULL,
                                    answer_size, type,       payload,    NULL};
    return koken_await_handle_ctx_(ctx, &call);
}

KN_UNPAIRED int koken_await_handle_ctx_(koken_ctx *ctx, const struct koken_await_call *call)
{
    const struct kn_wanted wanted = {call->answer_type, call->answer_size};
    koken_ref to = call->to;
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    if (!f || !call->ret_answer) {
        return f ? -EINVAL : -ENOTSUP;
    }
    if (koken_ref_equal(to, koken_self(ctx))) {
        return -EDEADLK;
    }
    if (f->is_cancelled) {
        return -ECANCELED;
    }
    struct kn_call inside = {.asks = call, .wanted = wanted, .ret_answer = call->ret_answer};
    bool is_call = begin_call(f, call, &inside);
    if ((is_call || f->awaited) && call->ret_is_sent) {
        *call->ret_is_sent = true;
    }
    if (kn_likely(is_call)) {
        kn_fiber_suspend(); /* its turn runs whom it asks */
        if (kn_unlikely(!inside.is_answered)) {
            return await_answer(f, call, wanted);
        }
        kn_take_over(&inside);
        kn_fiber_wait_end(f);
        if (kn_unlikely(kn_mailbox_has_system(&f->agent->mailbox))) {
            (void)kn_fiber_collect(f); /* a stop is to be noticed */
        }
        return inside.rc;
    }
    if (f->awaited) {
        return await_answer(f, call, wanted);
    }
    return await_message(f, call, wanted);
}

KN_UNPAIRED int koken_sleep(koken_ctx *ctx, uint64_t duration_ns)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    if (!f) {
        return -ENOTSUP;
    }
    if (!kn_fiber_wait_begin(f, duration_ns)) {
        return -ENOMEM;
    }
    f->waits = (struct kn_fiber_wait_note){.what = "time"};
    int rc;
    do {
        rc = kn_fiber_wait(f);
    } while (rc == 0); /* ends: the deadline, or cancelled */
    kn_fiber_wait_end(f);
    return rc == -ETIMEDOUT ? 0 : rc;
}

KN_UNPAIRED int koken_yield(koken_ctx *ctx)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    if (!f) {
        return -ENOTSUP;
    }
    (void)kn_fiber_collect(f);
    f->is_yielding = true;
    kn_fiber_suspend();
    (void)kn_fiber_collect(f);
    return f->is_cancelled ? -ECANCELED : 0;
}

/* A blocking call under way; on the fiber's stack. */
struct call {
    struct kn_job job;
    int (*fn)(void *arg);
    void *arg;
    int value;
    kn_atomic(uint32_t) is_done;
    struct koken *rt;
    uint64_t who;
};

/* On a thread of the pool. After the store nothing of the call may be touched: its fiber may be
 * gone. */
static void run_call(struct kn_job *job)
{
    KN_ASSERT(!kn_worker_current());
    struct call *call = kn_container_of(job, struct call, job);
    uint64_t who = call->who;
    call->value = call->fn(call->arg);
    kn_rcu_visit();
    struct kn_agent *a = kn_resolve(who);
    /* [AF1] release: the value. */
    kn_hand_over(&call->is_done);
    kn_store(&call->is_done, 1, release);
    if (a) {
        kn_agent_nudge(NULL, a);
    }
    kn_rcu_depart();
}

KN_UNPAIRED int koken_blocking(koken_ctx *ctx, int (*fn)(void *arg), void *arg, int *ret_value)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    if (!f) {
        return -ENOTSUP;
    }
    struct call call = {.job = {.fn = run_call, .prio = KN_PRIO_NORMAL}, .fn = fn, .arg = arg};
    call.rt = f->ctx.rt;
    call.who = kn_agent_id(f->agent);
    int rc = kn_blocking_submit(f->ctx.rt->sched, &call.job);
    if (rc < 0) {
        return rc;
    }
    while (!kn_load(&call.is_done, acquire)) { /* [AF1] acquire: the value. Ends: the job ends */
        (void)kn_fiber_collect(f);
        if (!kn_load(&call.is_done, relaxed)) { /* relaxed: looked at again above */
            kn_fiber_suspend();
        }
    }
    kn_take_over(&call.is_done);
    if (ret_value) {
        *ret_value = call.value;
    }
    return 0;
}

void koken_blocking_enter(koken_ctx *ctx)
{
    kn_call_leave(ctx);
    ctx->local->is_unusual = ctx->local->is_stamping;
    kn_turn_end(ctx->local);
    kn_blocking_enter(ctx->local->worker);
}

void koken_blocking_leave(koken_ctx *ctx)
{
    struct kn_worker *worker = kn_blocking_leave(ctx->rt->sched);
    ctx->local = worker->local;
    KN_ASSERT(ctx->local->rt == ctx->rt);
    KN_ASSERT(!ctx->local->running);
    kn_turn_begin(ctx->local, ctx->self, ctx);
    kn_park_mark(ctx->local);
}
