/* SPDX-License-Identifier: Apache-2.0 */
/* See fiber_agent.h. */
#include "actors/fiber_agent.h"

#include "actors/alarm.h"
#include "actors/alone.h"
#include "actors/bell.h"
#include "actors/call.h"
#include "actors/deadletter.h"
#include "actors/link.h"
#include "actors/park.h"
#include "actors/profile.h"
#include "actors/registry.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/spawn.h"
#include "actors/stage.h"
#include "actors/system.h"
#include "base/platform/switch.h"

#include <errno.h>
#include <string.h>

enum { LOOK_EVERY = 16 };

/* Longer waits look at the clock at once: no sum of this and a time runs over. */
#define QUICK_MAX_NS (UINT64_MAX / 4)

static size_t size_of(const struct kn_fiber_agent *f)
{
    return sizeof *f + f->arg_size;
}

/* What runs on the fiber's stack. */
static void body(void *arg)
{
    struct kn_fiber_agent *f = arg;
    const struct koken_row *row = &kn_agent_behaviour(f->agent)->rows[0];
    KN_ASSERT(row->kind == KOKEN_ROW_BODY);
    KN_ASSERT(f->agent->cold->fiber == f);
    kn_take_over(&f->agent->run);
    f->result = f->is_cancelled ? -ECANCELED
                                : row->handle(&f->ctx, f->agent->state, (void *)(uintptr_t)f->arg);
    if (f->ctx.failure) {
        f->result = f->ctx.failure; /* koken_fail */
    } else if (f->is_cancelled && f->result == -ECANCELED) {
        f->result = 0; /* it was asked to end and did: no failure */
    }
    if (f->ctx.msg) {
        if (f->result < 0) {
            kn_letter(f->ctx.rt, f->ctx.local, f->ctx.msg, f->ctx.id, KOKEN_DEAD_ENDED);
        }
        kn_fiber_message_over(f, f->result);
    }
}

static void publish(struct kn_fiber_agent *f)
{
    KN_ASSERT(kn_agent_is_held(f->agent));
    struct kn_agent *a = f->agent;
    if (f->consumed && a->policy != KOKEN_POLICY_DROP_OLD) {
        kn_mailbox_consume(&a->mailbox, f->consumed);
        kn_mailbox_settle(&a->mailbox);
    }
    f->consumed = 0;
    /* Relaxed: a hint, and where it was wrong the mailbox does not go idle. */
    if (kn_unlikely(kn_load(&a->mailbox.word, relaxed) & (KN_MB_PRESSED | KN_MB_LINE))) {
        kn_room_look(f->ctx.local, a);
    }
}

/* Enters what the fiber has done since it was resumed. timer: of a turn that is sampled, else NULL. */
static inline void enter(struct kn_fiber_agent *f, struct kn_sample *timer)
{
    struct kn_agent *a = f->agent;
    publish(f);
    if (kn_unlikely(timer != NULL)) {
        kn_profile_sample(timer, a, f->received ? f->received : 1);
    }
    /* Relaxed: a statistic, ours. */
    kn_store(&a->handled, kn_load(&a->handled, relaxed) + f->received, relaxed);
    f->received = 0;
}

/* Gives up S if nothing has come. */
static bool go_idle(struct kn_local *local, struct kn_agent *a)
{
    struct kn_envelope *last = NULL;
    bool is_idle = kn_alone_idle(local, a, &last);
    if (is_idle) {
        kn_envelope_release(local, last);
    }
    return is_idle;
}

void kn_call_leave(struct koken_ctx *ctx)
{
    for (struct koken_ctx *c = ctx; c; c = c->outer) { /* ends: hooks are finite */
        struct kn_call *call = c->call;
        if (!call) {
            continue;
        }
        c->call = NULL;
        struct kn_fiber_agent *f = call->caller;
        KN_ASSERT(kn_agent_is_held(f->agent));
        f->ctx.local = ctx->local;
        kn_fiber_wait_clock(f);
        kn_fiber_note_await(f, call->asks);
        if (call->is_answered || !go_idle(ctx->local, f->agent)) {
            kn_agent_wake(ctx->local, f->agent);
        }
    }
}

/* Runs whom the fiber calls. ANSWERED: the fiber is to be resumed at once; GONE: it is in other hands. */
static enum kn_called run_call(struct kn_fiber_agent *f)
{
    struct kn_call *call = f->call;
    f->call = NULL;
    enum kn_called called = kn_call_run(call);
    if (called == KN_CALLED_OPEN) {
        kn_fiber_wait_clock(f); /* it is to be woken in time */
        kn_fiber_note_await(f, call->asks);
        return called;
    }
    if (called == KN_CALLED_GONE) {
        return called;
    }
    struct kn_local *local = f->ctx.local;
    kn_call_count_step(local->worker);
    if (kn_unlikely(!kn_call_may_go_on(local->worker))) {
        kn_turn_end(local);
        kn_agent_wake(local, f->agent);
        return KN_CALLED_GONE;
    }
    return called;
}

KN_UNPAIRED enum kn_ran kn_fiber_turn(struct kn_worker *worker, struct kn_runnable *run)
{
    struct kn_agent *a = kn_container_of(run, struct kn_agent, run);
    struct kn_local *local = worker->local;
    struct kn_fiber_agent *f = a->cold->fiber;
    struct kn_sample timer = {0};
    KN_ASSERT(a->flags & KN_AGENT_FIBER);
    KN_ASSERT(f->agent == a);
    KN_ASSERT(!f->ctx.outer);
    enum kn_ran ran = KN_RAN_AGAIN;
    f->ctx.local = local;
    kn_turn_begin(local, a, &f->ctx);
    KN_ASSERT(kn_agent_check(a));
    bool is_sampled = kn_profile_is_due(local);
    if (is_sampled) {
        kn_profile_begin(&timer);
    }
    do {
        if (!f->fiber && kn_fiber_new(&local->stacks, body, f, &f->fiber) < 0) {
            kn_agent_end(local, a, -ENOMEM);
            ran = KN_RAN_DONE;
            break;
        }
        f->is_yielding = false;
        kn_fiber_resume(f->fiber);
        local = f->ctx.local; /* another one, after a blocking section */
        worker = local->worker;
        KN_ASSERT(worker == kn_worker_current());
        KN_ASSERT(local->running == &f->ctx);
        if (kn_fiber_done(f->fiber)) {
            kn_agent_end(local, a, f->result < 0 ? f->result : 0);
            ran = KN_RAN_DONE;
            break;
        }
        enter(f, is_sampled ? &timer : NULL);
        is_sampled = false;
        if (f->call) {
            enum kn_called called = run_call(f);
            if (called == KN_CALLED_GONE) {
                return KN_RAN_DONE;
            }
            local = f->ctx.local; /* as above */
            worker = local->worker;
            if (called == KN_CALLED_ANSWERED) {
                continue;
            }
        }
        if (!f->is_yielding && go_idle(local, a)) {
            ran = KN_RAN_DONE;
            break;
        }
    } while (!f->is_yielding && !kn_worker_must_yield(worker));
    kn_turn_end(local);
    return ran;
}

KN_UNPAIRED static void suspend(struct kn_fiber_agent *f)
{
    KN_ASSERT(!f->agent->intake.system_head);
    kn_fiber_suspend();
    kn_take_over(&f->agent->run);
    KN_ASSERT(f->ctx.local->worker == kn_worker_current());
}

/* For the agent's own eyes: in front of the messages that wait, behind the others brought here. */
static void bring(struct kn_agent *a, struct kn_envelope ***at, struct kn_envelope *e)
{
    KN_ASSERT(e->lane == KN_LANE_SYSTEM);
    e->lane = KN_LANE_USER;
    e->flags |= KN_ENV_UNCOUNTED;
    e->next = **at;
    if (!e->next) {
        a->intake.user_tail = e;
    }
    **at = e;
    *at = &e->next;
}

static void collect_one(struct kn_fiber_agent *f, struct kn_envelope *e, struct kn_envelope ***at)
{
    KN_ASSERT(e->lane == KN_LANE_SYSTEM);
    KN_ASSERT(!(e->flags & KN_ENV_DONE));
    struct kn_agent *a = f->agent;
    struct kn_local *local = f->ctx.local;
    if (e->flags & KN_ENV_TIMER) {
        struct kn_alarm *alarm = kn_alarm_find(a, e->corr);
        if (alarm) {
            kn_store(&alarm->is_waiting, 0, relaxed); /* relaxed: as in its wheel's callback */
            if (!alarm->period_ns) {
                (void)kn_alarm_end(local, a, alarm);
            }
            bring(a, at, e);
            return;
        } else if (e->type->drop) {
            e->type->drop(e->payload); /* cancelled while it was on its way */
        }
    } else if (e->flags & KN_ENV_REPLY) {
        if (e->corr == f->awaited && f->awaited && !f->answer) {
            f->answer = e;
            return;
        }
        kn_letter(local->rt, local, e, kn_agent_id(a), KOKEN_DEAD_LATE);
        if (e->type->drop) {
            e->type->drop(e->payload); /* too late */
        }
    } else if (e->type == &kn_type_stop) {
        f->is_cancelled = true;
    } else if (e->type == &kn_type_alarm_over) {
        struct kn_alarm *alarm = kn_alarm_find(a, e->corr);
        if (alarm) {
            (void)kn_alarm_end(local, a, alarm);
        }
    } else if (e->type == &kn_type_named || e->type == &kn_type_unnamed) {
        kn_registry_message(f->ctx.rt, a, e);
    } else if (kn_link_is_bond(e->type)) {
        f->is_cancelled |= kn_link_message(&f->ctx, a, e) < 0;
        if (f->ctx.events & KN_CTX_KEPT) {
            f->ctx.events &= ~(uint32_t)KN_CTX_KEPT;
            return;
        }
    } else {
        bring(a, at, e);
        return;
    }
    kn_count_add(&local->counters.received, 1);
    kn_envelope_done(local, a, e);
}

/* The clock may have gone off: for the present wait, or too early for it. */
static void look_at_clock(struct kn_fiber_agent *f)
{
    if (!f->awaited || f->deadline_ns == KN_NEVER || !kn_clock_is_over(f->clock)) {
        return;
    }
    if (f->clock->timer.deadline_ns >= f->deadline_ns) {
        f->is_late = true;
        return;
    }
    bool is_set = kn_clock_set(f->ctx.local, f->agent, &f->clock, f->deadline_ns);
    KN_ASSERT(is_set); /* it needs no memory */
    (void)is_set;
}

bool kn_fiber_collect(struct kn_fiber_agent *f)
{
    KN_ASSERT(f->ctx.local->worker == kn_worker_current());
    KN_ASSERT(kn_agent_is_held(f->agent));
    struct kn_agent *a = f->agent;
    struct kn_local *local = f->ctx.local;
    bool took = kn_alone_take(local, a);
    struct kn_envelope **at = &a->intake.user_head;
    while (a->intake.system_head) { /* ends: what was taken is finite */
        struct kn_envelope *e = a->intake.system_head;
        a->intake.system_head = e->next;
        kn_take_over(e);
        collect_one(f, e, &at);
    }
    f->since_look = 0;
    look_at_clock(f);
    KN_ASSERT(!a->intake.system_head);
    return took;
}

static uint32_t number_wait(struct kn_fiber_agent *f)
{
    f->serial = f->serial % KN_ALARM_NUMBER + 1; /* never 0, and again only after 2^31 - 1 waits */
    f->awaited = f->serial;
    return f->awaited;
}

uint32_t kn_fiber_wait_quickly(struct kn_fiber_agent *f, uint64_t timeout_ns)
{
    KN_ASSERT(!f->awaited);
    KN_ASSERT(!f->answer);
    KN_ASSERT(!f->timeout_ns);
    if (timeout_ns != KOKEN_NO_DEADLINE) {
        /* That look at the clock was no later than now, so the deadline will be no sooner than this. */
        uint64_t at_least = kn_worker_now(f->ctx.local->worker) + timeout_ns;
        if (timeout_ns - 1 >= QUICK_MAX_NS || !f->clock ||
            (f->clock->timer.deadline_ns > at_least && !kn_clock_is_over(f->clock))) {
            return 0;
        }
        f->timeout_ns = timeout_ns;
    }
    f->is_late = false;
    f->deadline_ns = KN_NEVER;
    return number_wait(f);
}

void kn_fiber_wait_clock(struct kn_fiber_agent *f)
{
    if (f->timeout_ns) {
        f->deadline_ns = kn_alarm_deadline(f->timeout_ns);
        f->timeout_ns = 0;
        bool is_set = kn_clock_set(f->ctx.local, f->agent, &f->clock, f->deadline_ns);
        KN_ASSERT(is_set); /* it needs no memory: kn_fiber_wait_quickly has looked */
        (void)is_set;
    }
}

uint32_t kn_fiber_wait_begin(struct kn_fiber_agent *f, uint64_t timeout_ns)
{
    KN_ASSERT(!f->awaited);
    KN_ASSERT(!f->answer);
    KN_ASSERT(!f->timeout_ns);
    f->is_late = false;
    f->deadline_ns = KN_NEVER;
    if (timeout_ns != KOKEN_NO_DEADLINE) {
        f->deadline_ns = kn_alarm_deadline(timeout_ns);
        if (!kn_clock_set(f->ctx.local, f->agent, &f->clock, f->deadline_ns)) {
            return 0;
        }
    }
    return number_wait(f);
}

void kn_fiber_wait_end(struct kn_fiber_agent *f)
{
    f->awaited = 0; /* the clock goes on: the next wait may end later */
    f->timeout_ns = 0;
    f->is_late = false;
}

KN_UNPAIRED int kn_fiber_wait(struct kn_fiber_agent *f)
{
    bool took = kn_fiber_collect(f);
    if (f->is_cancelled) {
        return -ECANCELED;
    }
    if (took && !f->is_late) {
        return 0; /* what the caller wants may be among it: going idle would not notice */
    }
    if (f->is_late) {
        return -ETIMEDOUT;
    }
    suspend(f);
    (void)kn_fiber_collect(f);
    return f->is_cancelled ? -ECANCELED : 0;
}

void kn_fiber_message_over(struct kn_fiber_agent *f, int rc)
{
    struct kn_agent *a = f->agent;
    struct kn_local *local = f->ctx.local;
    struct kn_envelope *e = f->ctx.msg;
    KN_ASSERT(e != NULL);
    KN_ASSERT(e->lane == KN_LANE_USER);
    f->ctx.msg = NULL;
    if (e->type->drop) {
        e->type->drop(e->payload);
    }
    f->received++;
    f->consumed += !(e->flags & KN_ENV_UNCOUNTED);
    kn_count_add(&local->counters.received, 1);
    if (e->flags & (KN_ENV_REQUEST | KN_ENV_BYTES | KN_ENV_STAMPED)) {
        kn_message_over(local, a, e, rc);
    }
    kn_envelope_over(local, a, e);
    if (f->consumed >= a->publish_every) {
        publish(f);
    }
}

KN_UNPAIRED void kn_fiber_pause(struct kn_fiber_agent *f)
{
    KN_ASSERT(!f->ctx.msg);
    struct kn_worker *worker = f->ctx.local->worker;
    worker->budget--;
    if (++f->since_look >= LOOK_EVERY) {
        f->since_look = 0;
        if (kn_mailbox_has_system(&f->agent->mailbox)) {
            kn_fiber_collect(f);
        }
        if (kn_worker_must_yield(worker)) {
            f->is_yielding = true;
            suspend(f);
        }
    }
}

int kn_fiber_spawn(struct koken *rt, struct kn_local *local, const struct koken_agent_type *type,
                   const struct koken_spawn_options *o, koken_ref *ret_ref)
{
    uint32_t arg_size = o ? o->arg_size : 0;
    if (arg_size && !o->arg) {
        return -EINVAL;
    }
    struct kn_birth birth = {type, o, kn_fiber_turn, KN_AGENT_FIBER, true, NULL, 0};
    struct kn_fiber_agent *f = kn_alloc(sizeof *f + arg_size, _Alignof(struct kn_fiber_agent), -1);
    if (!f) {
        return -ENOMEM;
    }
    struct kn_agent *a;
    int rc = kn_agent_new(rt, local, &birth, &a);
    if (rc < 0) {
        kn_free(f, sizeof *f + arg_size, _Alignof(struct kn_fiber_agent));
        return rc;
    }
    *f = (struct kn_fiber_agent){.agent = a, .arg = o ? o->arg : NULL, .arg_size = arg_size};
    f->ctx.rt = rt;
    f->ctx.self = a;
    f->ctx.id = birth.id;
    if (arg_size) {
        memcpy(f->arg_bytes, o->arg, arg_size);
        f->arg = f->arg_bytes;
    }
    struct kn_cold *cold = kn_agent_cold(a);
    if (!cold) {
        kn_free(f, sizeof *f + arg_size, _Alignof(struct kn_fiber_agent));
        kn_agent_unborn(rt, local, a);
        return -ENOMEM;
    }
    cold->fiber = f;
    ret_ref->id = birth.id;
    kn_stage_free(a); /* it has a stack already */
    kn_count_spawn(rt, local);
    kn_agent_wake(local, a);
    return 0;
}

void kn_fiber_agent_free(struct kn_local *local, struct kn_agent *a)
{
    struct kn_fiber_agent *f = a->cold->fiber;
    KN_ASSERT(f->agent == a);
    if (f->bell) {
        kn_bell_abandon(f->bell);
    }
    if (f->await_edge) {
        kn_park_leave(local->rt, f->await_edge);
    }
    if (f->edge) {
        kn_park_unwait(f->edge);
        kn_park_leave(local->rt, f->edge);
        kn_message_drop(local->rt, local, f->edge->head, -ECANCELED); /* never was sent */
    }
    if (f->pending) {
        (void)f->pending->give_up(f->pending);
    }
    if (f->answer) {
        kn_dead_letter(local, f->answer, -ESRCH);
        kn_envelope_part(local->rt, local, f->answer);
    }
    if (f->ctx.msg) {
        kn_letter(local->rt, local, f->ctx.msg, kn_agent_id(a), KOKEN_DEAD_ENDED);
        kn_dead_letter(local, f->ctx.msg, -ESRCH);
        kn_envelope_part(local->rt, local, f->ctx.msg);
    }
    if (local->running == &f->ctx) {
        local->running = NULL; /* its context goes with it */
    }
    kn_fiber_free(&local->stacks, f->fiber);
    kn_free(f, size_of(f), _Alignof(struct kn_fiber_agent));
    a->cold->fiber = NULL;
}

/* One try of a parked send: KN_PUSH_OK when it is over, with *rc; KN_PUSH_FULL to wait. */
static enum kn_push try_send(struct kn_local *local, uint64_t to, struct kn_envelope *e, int *rc)
{
    struct kn_agent *a = kn_resolve(to);
    bool opened = false;
    enum kn_push pushed = a ? kn_mailbox_push(&a->mailbox, e, &opened) : KN_PUSH_CLOSED;
    if (opened) {
        kn_room_opened(local, a);
    }
    *rc = 0;
    if (pushed == KN_PUSH_CLOSED) {
        *rc = -ESRCH;
        return KN_PUSH_OK;
    }
    if (pushed == KN_PUSH_FULL) {
        return KN_PUSH_FULL;
    }
    kn_count_add(&local->counters.sent, 1);
    if (pushed == KN_PUSH_WAKE) {
        kn_agent_wake(local, a);
    }
    return KN_PUSH_OK;
}

KN_UNPAIRED int kn_fiber_park(struct kn_agent *self, uint64_t to, struct kn_envelope *e)
{
    struct kn_fiber_agent *f = self->cold->fiber;
    KN_ASSERT(!f->edge);
    KN_ASSERT(e->lane == KN_LANE_USER);
    struct kn_outbox edge = {.who = kn_agent_id(self), .to = to, .head = e};
    struct koken *rt = f->ctx.rt;
    int rc = kn_park_enter(rt, &edge);
    if (rc < 0) {
        return rc;
    }
    f->edge = &edge;
    while (try_send(f->ctx.local, to, e, &rc) ==
           KN_PUSH_FULL) { /* ends: room, death, or cancelled */
        /* Before entering the line: a nudge that comes after it must not be taken in here. */
        (void)kn_fiber_collect(f);
        if (f->is_cancelled || f->is_late) {
            rc = f->is_cancelled ? -ECANCELED : -ETIMEDOUT; /* late: of an await */
            break;
        }
        struct kn_agent *a = kn_resolve(to);
        bool again = true;
        if (a && kn_park_wait(a, &edge, &again) < 0) {
            f->is_yielding = true; /* no memory to wait in line: ask again later */
        }
        if (!again || f->is_yielding) {
            suspend(f);
        }
        kn_park_unwait(&edge);
    }
    kn_park_unwait(&edge);
    f->edge = NULL;
    kn_park_leave(rt, &edge);
    return rc;
}
