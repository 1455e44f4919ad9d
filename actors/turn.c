/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn of a handler agent: take what has come, handle message after message, go idle.
 *
 *     take --> message? --yes--> handle --> budget left? --yes--> message?
 *       ^         | no                          | no: tail of the queue
 *       |         v
 *       +-no-- idle? --yes--> done
 *
 * The worker holds the S flag of the agent's mailbox from the first to the last line, so everything
 * marked (s) in agent.h is its own. After a successful kn_mailbox_idle nothing of the agent may be
 * touched.
 */
#include "actors/agent.h"
#include "actors/alarm.h"
#include "actors/alone.h"
#include "actors/call.h"
#include "actors/deadletter.h"
#include "actors/fiber_agent.h"

#include "actors/park.h"
#include "actors/profile.h"
#include "actors/request.h"
#include "actors/stage.h"
#include "actors/stamp.h"
#include "base/mutant.h"
#include "caps/schema.h"
#include "sched/lifo.h"
#include <errno.h>
#include <string.h>

enum {
    LOOK_EVERY = 16, /* messages between two looks for the system lane and the worker's nudge */
    SLOW_HANDLER_NS = 2000, /* handlers slower than this are looked after at each message */
};

/* The row for messages that have none of their own, or NULL. */
static KN_NOINLINE const struct koken_row *find_any(const struct koken_agent_type *behaviour)
{
    const struct koken_row *any = NULL;
    for (uint32_t i = 0; i < behaviour->row_count; i++) {
        any = behaviour->rows[i].kind == KOKEN_ROW_ANY ? &behaviour->rows[i] : any;
    }
    return any;
}

/* Finds the handler of a message type; a table has at most 32 rows and mostly a few. */
static KN_ALWAYS_INLINE const struct koken_row *find_row(const struct koken_agent_type *behaviour,
                                                         const struct koken_type *type)
{
    const struct koken_row *row = behaviour->rows;
    KN_ASSERT(type != NULL);
    KN_ASSERT(behaviour->row_count <= 32);
    if (kn_likely(row->type == type)) { /* a table without rows has one of no type */
        return row;
    }
    const struct koken_row *end = row + behaviour->row_count;
    for (row++; row < end; row++) {
        if (row->type == type) {
            return row;
        }
    }
    return find_any(behaviour);
}

/* A message that the behaviour has no row for, or that comes to one who has done its work. */
static KN_NOINLINE void unhandled(struct kn_local *local, struct kn_agent *a, struct kn_envelope *e)
{
    KN_ASSERT(!(e->flags & KN_ENV_BYTES) || kn_load(&a->overflow, relaxed));
    if (e->flags & KN_ENV_BYTES) {
        /* Relaxed: made at the spawn. */
        if (kn_overflow_release(kn_load(&a->overflow, relaxed), e->type->size)) {
            kn_room_made(local, a);
        }
    }
    bool is_leaving = kn_agent_is_leaving(a);
    kn_letter(local->rt, local, e, kn_agent_id(a),
              is_leaving ? KOKEN_DEAD_ENDED : KOKEN_DEAD_UNHANDLED);
    kn_dead_letter(local, e, is_leaving ? -ESRCH : -ENOTSUP);
    kn_envelope_over(local, a, e);
}

enum {
    OVER_MASK =
        KN_ENV_REQUEST | KN_ENV_BYTES | KN_ENV_STAMPED | KN_ENV_UNCOUNTED, /* rare in an envelope */
    PLAIN_MASK = KN_ENV_REQUEST | KN_ENV_DEADLINE | KN_ENV_AFTER,          /* all others */
};

/* Disposes of a handled message. Answers how many messages less wait in the mailbox: 0 or 1. */
static KN_ALWAYS_INLINE uint32_t dispose(struct koken_ctx *ctx, struct kn_agent *a,
                                         struct kn_envelope *e, bool has_drop, int rc)
{
    struct kn_local *local = ctx->local; /* another one, if the handler was in a blocking section */
    uint32_t counted = 1;
    KN_ASSERT(ctx->self == a);
    KN_ASSERT(local->worker == kn_worker_current());
    if (kn_unlikely(ctx->events & KN_CTX_KEPT)) {
        return 0;
    }
    if (kn_unlikely(rc < 0)) { /* the agent fails with it: nobody will handle it well */
        kn_letter(local->rt, local, e, kn_agent_id(a), KOKEN_DEAD_ENDED);
    }
    if (kn_unlikely(has_drop)) {
        e->type->drop(e->payload); /* what the handler has not taken */
    }
    if (kn_unlikely(e->flags & OVER_MASK)) {
        counted = !(e->flags & KN_ENV_UNCOUNTED);
        kn_message_over(local, a, e, rc);
        kn_envelope_over(local, a, e);
        return counted;
    }
    kn_envelope_done(local, a, e);
    return counted;
}

/* Whether an agent that has answered rc goes on for now: KOKEN_STOP waits for the outbox. */
static KN_NOINLINE bool leaves_later(struct kn_agent *a, int rc)
{
    bool is_later = rc == KOKEN_STOP && kn_agent_is_parked(a);
    if (is_later) {
        a->cold->is_leaving = true;
    }
    return is_later;
}

/* A line of the simulator's story: the message with its fields, if they are described. */
static KN_ALWAYS_INLINE void note_handled(const struct kn_agent *a, const struct kn_envelope *e)
{
#ifdef KN_SIM
    char text[80];
    kn_print_brief(text, sizeof text, e->type, e->payload);
    kn_note("handles", text, kn_agent_id(a) & UINT32_MAX, 0);
#else
    (void)a;
    (void)e;
#endif
}

/* Calls a handler. Under the simulator it may take long, or fail after it has done well. */
static KN_ALWAYS_INLINE int call(int (*handle)(koken_ctx *ctx, void *self, void *payload),
                                 struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    note_handled(a, e);
    if (KN_CLAIMS && !KN_STAGES && e->type->drop) {
        kn_payload_claim(e->type, e->payload);
    }
    int rc = kn_stage_call(handle, ctx, a, e->payload, e);
    /* Relaxed: our own count. */
    if (kn_mutant(KN_MUTANT_REPEATED_MESSAGE) && kn_load(&a->handled, relaxed) % 8 == 5) {
        rc = kn_stage_call(handle, ctx, a, e->payload, e);
    }
    (void)kn_fault(KN_FAULT_SLOW);
    if (rc >= 0 && kn_unlikely(kn_fault(KN_FAULT_HANDLER) != 0) && !(ctx->events & KN_CTX_KEPT) &&
        strncmp(kn_agent_behaviour(a)->name, "koken.", 6) != 0) {
        rc = -EPROTO;
    }
    return rc;
}

/* A message of the system lane. */
static int handle_system(struct koken_ctx *ctx, struct kn_agent *a, struct kn_envelope *e)
{
    bool deliver = false;
    KN_ASSERT(e->lane == KN_LANE_SYSTEM);
    ctx->msg = NULL; /* the message before has been handled */
    KN_ASSERT(kn_agent_is_held(a));
    ctx->events &= ~(uint32_t)KN_CTX_KEPT;
    int rc = kn_agent_system(ctx, a, e, &deliver);
    if (ctx->events & KN_CTX_KEPT) {
        return rc;
    }
    if (!deliver) {
        kn_count_add(&ctx->local->counters.received, 1);
        kn_envelope_over(ctx->local, a, e); /* an init may owe its answer */
        return rc;
    }
    const struct koken_row *row =
        kn_agent_is_leaving(a) ? NULL : find_row(kn_agent_behaviour(a), e->type);
    if (!row) {
        unhandled(ctx->local, a, e);
        ctx->request = 0;
        return 0;
    }
    ctx->msg = e;
    ctx->events = 0;
    kn_store(&ctx->local->running_type, e->type, relaxed); /* for reports only */
    rc = kn_ctx_verdict(ctx, call(row->handle, ctx, a, e));
    ctx->msg = NULL;
    if (!(ctx->events & KN_CTX_KEPT)) {
        kn_count_add(&ctx->local->counters.received, 1);
    }
    (void)dispose(ctx, a, e, e->type->drop != NULL, rc);
    ctx->request = 0;
    return leaves_later(a, rc) ? 0 : rc;
}

/* Publishes what was consumed and tells those who wait for room. */
static inline void publish(struct kn_local *local, struct kn_agent *a, uint32_t *consumed)
{
    if (*consumed && kn_likely(a->policy != KOKEN_POLICY_DROP_OLD)) {
        kn_mailbox_consume(&a->mailbox, *consumed);
        *consumed = 0;
        kn_mailbox_settle(&a->mailbox);
        if (kn_unlikely(kn_load(&a->mailbox.word, relaxed) & KN_MB_PRESSED)) { /* relaxed: a hint */
            kn_room_look(local, a);
        }
    }
}

/* Next message from the private lists; DROP_OLD keeps its user lane elsewhere. NULL: none. */
static inline struct kn_envelope *next_message(struct kn_agent *a)
{
    struct kn_envelope *e = kn_intake_next(&a->intake);
    if (!e && kn_unlikely(a->policy == KOKEN_POLICY_DROP_OLD)) {
        e = kn_overflow_pop(kn_load(&a->overflow, relaxed)); /* relaxed: made at the spawn */
    }
    return e;
}

enum outcome { OUT_EMPTY, OUT_AGAIN, OUT_ENDED, OUT_PARKED, OUT_NOT, OUT_IDLE };

/* What one call of run_messages has counted and not yet entered where it belongs. */
struct tally {
    uint32_t consumed; /* of the mailbox's bound */
    uint32_t received; /* of the metrics */
    uint32_t spent;    /* of the worker's budget */
};

static KN_ALWAYS_INLINE void enter(struct koken_ctx *ctx, struct kn_agent *a, struct tally *t)
{
    KN_ASSERT(t->received <= t->spent);
    KN_ASSERT(t->consumed <= t->spent || a->policy == KOKEN_POLICY_DROP_OLD);
    publish(ctx->local, a, &t->consumed);
    kn_count_add(&ctx->local->counters.received, t->received);
    ctx->local->worker->budget -= (int32_t)t->spent;
    kn_store(&a->handled, kn_load(&a->handled, relaxed) + t->spent,
             relaxed); /* a statistic, ours */
    t->received = t->spent = 0;
}

/* What is the same for a run of messages of one type. */
struct run {
    const struct koken_type *type; /* NULL: none */
    int (*call)(koken_ctx *ctx, void *self, void *payload);
    bool has_drop;
};

/* Begins the run of that type. False: there is no handler for it, and the run before goes on. */
static KN_ALWAYS_INLINE bool find_run(struct koken_ctx *ctx, const struct kn_agent *a,
                                      const struct koken_type *type, struct run *ret)
{
    const struct koken_row *row = find_row(kn_agent_behaviour(a), type);
    if (kn_likely(row != NULL)) {
        *ret = (struct run){type, row->handle, type->drop != NULL};
        kn_store(&ctx->local->running_type, type, relaxed); /* for reports only */
    }
    return row != NULL;
}

/*
 * Handles messages until there is none, the budget is spent, the agent ends, or waits for room
 * elsewhere. What is the same for a run of messages of one type is looked up once; what a handler
 * may have done to its context is in ctx->events, one test for all of it.
 */
static KN_ALWAYS_INLINE enum outcome run_messages(struct koken_ctx *ctx, struct kn_agent *a,
                                                  uint32_t *handled)
{
    struct run run = {NULL, NULL, false};
    struct tally t = {0, 0, 0};
    /* Relaxed: a statistic. */
    uint32_t look_at = kn_load(&a->run_ns_ema, relaxed) > SLOW_HANDLER_NS ? 1 : LOOK_EVERY;
    enum outcome out = OUT_EMPTY;
    struct kn_envelope *e;
    ctx->events = 0;
    while ((e = next_message(a)) != NULL) { /* ends: at the budget at the latest */
        int rc = 0;
        KN_ASSERT(!(e->flags & KN_ENV_DONE));
        t.spent++;
        if (kn_unlikely(e->lane == KN_LANE_SYSTEM)) {
            rc = handle_system(ctx, a, e);
            run.type = NULL;
        } else {
            if (kn_likely(e->type == run.type) || find_run(ctx, a, e->type, &run)) {
                ctx->msg = e;
                rc = kn_ctx_verdict(ctx, call(run.call, ctx, a, e));
                t.received += !(ctx->events & KN_CTX_KEPT);
                t.consumed += dispose(ctx, a, e, run.has_drop, rc);
            } else {
                t.consumed += !(e->flags & KN_ENV_UNCOUNTED);
                unhandled(ctx->local, a, e);
            }
        }
        if (kn_unlikely(rc != 0) && (rc < 0 || rc == KOKEN_STOP) && !leaves_later(a, rc)) {
            ctx->msg = NULL;
            *handled += t.spent;
            enter(ctx, a, &t);
            kn_agent_end(ctx->local, a, rc < 0 ? rc : 0);
            return OUT_ENDED;
        }
        if (kn_unlikely(ctx->events)) {
            run.type = NULL; /* the table may be another one */
            ctx->events = 0;
            if (kn_agent_is_parked(a)) {
                out = OUT_PARKED;
                break;
            }
        }
        if (t.consumed >= a->publish_every) {
            publish(ctx->local, a, &t.consumed);
        }
        if (kn_unlikely(t.spent >= look_at)) {
            *handled += t.spent;
            enter(ctx, a, &t);
            if (kn_mailbox_has_system(&a->mailbox)) {
                (void)kn_alone_take(ctx->local, a);
            }
            if (kn_worker_must_yield(ctx->local->worker)) {
                out = OUT_AGAIN;
                break;
            }
        }
    }
    ctx->msg = NULL;
    *handled += t.spent;
    enter(ctx, a, &t);
    return out;
}

int kn_agent_run_system(struct koken_ctx *ctx, struct kn_agent *a)
{
    int rc = 0;
    (void)kn_alone_take(ctx->local, a);
    while (rc >= 0 && rc != KOKEN_STOP &&
           a->intake.system_head) { /* ends: what was taken is finite */
        struct kn_envelope *e = a->intake.system_head;
        a->intake.system_head = e->next;
        rc = handle_system(ctx, a, e);
    }
    return rc == KOKEN_STOP || rc < 0 ? rc : 0;
}

/* Ends the turn of one message whose handler did anything out of the ordinary. */
static KN_NOINLINE enum outcome settle(struct koken_ctx *ctx, struct kn_agent *a,
                                       struct kn_envelope *e, int rc)
{
    struct tally t = {.spent = 1, .received = !(ctx->events & KN_CTX_KEPT)};
    rc = kn_ctx_verdict(ctx, rc);
    t.consumed = dispose(ctx, a, e, e->type->drop != NULL, rc);
    ctx->msg = NULL;
    ctx->events = 0;
    enter(ctx, a, &t);
    if ((rc < 0 || rc == KOKEN_STOP) && !leaves_later(a, rc)) {
        kn_agent_end(ctx->local, a, rc < 0 ? rc : 0);
        return OUT_ENDED;
    }
    if (kn_agent_is_parked(a)) {
        return OUT_PARKED;
    }
    return a->intake.user_head ? OUT_NOT : OUT_EMPTY; /* the stash, perhaps */
}

/* The end of such a turn: its message is over, which took so much room in the mailbox, a constant. */
static KN_ALWAYS_INLINE enum outcome finish_one(struct koken_ctx *ctx, struct kn_agent *a,
                                                struct kn_envelope *e, uint64_t word, uint32_t room,
                                                struct kn_runnable **ret_next)
{
    struct kn_local *local = ctx->local; /* another one, if the handler was in a blocking section */
    KN_ASSERT(local->worker == kn_worker_current());
    ctx->msg = NULL;
    local->worker->budget--;
    kn_count_add(&local->counters.received, 1);
    kn_store(&a->handled, kn_load(&a->handled, relaxed) + 1, relaxed); /* a statistic, ours */
    if (room) {
        kn_mailbox_consume(&a->mailbox, room);
    }
    bool is_idle;
    if (kn_alone_enter(local)) {
        is_idle = kn_mailbox_idle_after(&a->mailbox, &a->intake, word, /* is_alone= */ true);
        if (is_idle && ret_next) {
            *ret_next = kn_worker_next(local->worker, kn_agent_turn, /* is_alone= */ true);
        }
        kn_alone_leave(local);
    } else {
        is_idle = kn_mailbox_idle_after(&a->mailbox, &a->intake, word, /* is_alone= */ false);
        if (is_idle && ret_next) {
            *ret_next = kn_worker_next(local->worker, kn_agent_turn, /* is_alone= */ false);
        }
    }
    if (kn_unlikely(!is_idle)) {
        e->flags |= KN_ENV_DONE;
        return OUT_EMPTY;
    }
    kn_envelope_free(&local->worker->pool, e);
    return OUT_IDLE;
}

/*
 * The shortest turn: one user message has come, nothing else, and the agent keeps nothing back. What
 * ping-pong, a ring and every request do; the rest of this file does the same at greater length, and goes
 * on where this one stops: OUT_NOT nothing has been done, OUT_EMPTY the message is handled and the agent
 * not idle. OUT_IDLE: *ret_next, NULL before, is who follows in the slot, if anybody. ret_next NULL: nobody is to
 * follow; a constant at each call.
 */
static KN_ALWAYS_INLINE enum outcome run_one(struct koken_ctx *ctx, struct kn_agent *a,
                                             struct kn_runnable **ret_next)
{
    uint64_t word;
    struct kn_envelope *e = kn_mailbox_peek(&a->mailbox, &a->intake, &word);
    if (kn_unlikely(!e || (e->flags & ~(unsigned)PLAIN_MASK) || kn_agent_is_parked(a))) {
        return OUT_NOT;
    }
    const struct koken_row *row = find_row(kn_agent_behaviour(a), e->type);
    if (kn_unlikely(!row)) {
        return OUT_NOT;
    }
    KN_ASSERT(a->policy != KOKEN_POLICY_DROP_OLD); /* its user messages do not come this way */
    kn_mailbox_adopt(&a->intake, e);
    kn_store(&ctx->local->running_type, e->type, relaxed); /* for reports only */
    ctx->msg = e;
    int rc = call(row->handle, ctx, a, e);
    int rest = e->flags & KN_ENV_REQUEST; /* not answered */
    if (kn_unlikely((rc | (int)ctx->events | rest) != 0) || kn_unlikely(e->type->drop != NULL)) {
        return settle(ctx, a, e, rc);
    }
    return finish_one(ctx, a, e, word, 1, ret_next);
}

/* run_one where that one message is the answer to a request: of the system lane, and nobody's room. */
static KN_NOINLINE enum outcome run_answer(struct koken_ctx *ctx, struct kn_agent *a,
                                           struct kn_runnable **ret_next)
{
    uint64_t word;
    struct kn_envelope *e = kn_mailbox_peek_system(&a->mailbox, &a->intake, &word);
    if (!e || (e->flags & ~(unsigned)KN_ENV_ERROR) != KN_ENV_REPLY || kn_agent_is_parked(a) ||
        a->policy == KOKEN_POLICY_DROP_OLD) { /* a nudge says that there is more, in its list */
        return OUT_NOT;
    }
    const struct koken_row *row = find_row(kn_agent_behaviour(a), e->type);
    struct kn_alarm *alarm = row ? kn_alarm_find(a, e->corr) : NULL;
    if (kn_unlikely(!alarm || alarm->kind != KN_ALARM_REQUEST)) {
        return OUT_NOT;
    }
    KN_ASSERT(!kn_agent_is_leaving(a));
    kn_mailbox_adopt(&a->intake, e);
    ctx->request = alarm->number;
    (void)kn_alarm_end(ctx->local, a, alarm);
    kn_store(&ctx->local->running_type, e->type, relaxed); /* for reports only */
    ctx->msg = e;
    int rc = call(row->handle, ctx, a, e);
    ctx->request = 0;
    if (kn_unlikely((rc | (int)ctx->events) != 0) || kn_unlikely(e->type->drop != NULL)) {
        e->flags |= KN_ENV_UNCOUNTED;
        return settle(ctx, a, e, rc);
    }
    return finish_one(ctx, a, e, word, 0, ret_next);
}

/* The turn proper, or the rest of one that run_one has begun. timer: of a turn that is sampled, else NULL. */
static KN_NOINLINE enum kn_ran run_turn(struct koken_ctx *ctx, struct kn_agent *a,
                                        struct kn_sample *timer, enum outcome out)
{
    uint32_t handled = 0;
    if (out == OUT_NOT) {
        out = kn_unlikely(kn_agent_is_parked(a)) ? OUT_PARKED : OUT_NOT;
        if (!a->intake.user_head && !a->intake.system_head) {
            (void)kn_alone_take(ctx->local, a);
        }
    }
    for (;;) { /* ends: idle, ended, or the budget */
        if (kn_likely(out == OUT_NOT)) {
            out = run_messages(ctx, a, &handled);
        }
        if (out == OUT_ENDED) {
            return KN_RAN_DONE;
        }
        if (kn_unlikely(timer != NULL)) {
            kn_profile_sample(timer, a, handled); /* before the agent may be another worker's */
            timer = NULL;
        }
        if (out == OUT_AGAIN) {
            return KN_RAN_AGAIN;
        }
        if (kn_unlikely(out == OUT_PARKED)) {
            enum kn_parked parked = kn_park_turn(ctx, a);
            if (parked != KN_PARKED_NO) {
                return parked == KN_PARKED_AGAIN ? KN_RAN_AGAIN : KN_RAN_DONE;
            }
            out = OUT_NOT;
            continue;
        }
        struct kn_envelope *last = NULL;
        KN_ASSERT(!a->intake.user_head);
        KN_ASSERT(!a->intake.system_head);
        KN_ASSERT(!kn_agent_is_parked(a));
        if (kn_alone_idle(ctx->local, a, &last)) {
            kn_envelope_release(ctx->local, last);
            return KN_RAN_DONE;
        }
        kn_room_look(ctx->local, a);
        (void)kn_alone_take(ctx->local, a);
        struct kn_worker *worker = ctx->local->worker;
        if (kn_worker_must_yield(worker) || kn_worker_has_other(worker)) {
            return KN_RAN_AGAIN; /* a turn is what had come when it began, if others wait */
        }
        out = OUT_NOT;
    }
}

static KN_NOINLINE enum kn_ran run_sampled(struct koken_ctx *ctx, struct kn_agent *a)
{
    struct kn_sample sample;
    kn_profile_begin(&sample);
    return run_turn(ctx, a, &sample, OUT_NOT);
}

/*
 * The step of handler agents. As long as each has one message only, and the slot holds another handler agent
 * when it is idle, they follow each other here without the dispatch loop: what a message costs most often.
 */
KN_HOT enum kn_ran kn_agent_turn(struct kn_worker *worker, struct kn_runnable *run)
{
    struct kn_local *local = worker->local;
    struct koken_ctx ctx = {.rt = local->rt, .local = local};
    enum kn_ran ran = KN_RAN_DONE;
    struct kn_agent *a = kn_container_of(run, struct kn_agent, run);
    kn_turn_begin(local, a, &ctx);
    /* Those that follow in this turn are not timed, or the chain would end. */
    if (kn_unlikely(kn_profile_is_due(local))) {
        ran = run_sampled(&ctx, a);
        goto out;
    }
    for (;;) { /* ends: at the beat at the latest */
        KN_ASSERT(!(a->flags & (KN_AGENT_FIBER | KN_AGENT_WAITER)));
        KN_ASSERT(kn_agent_check(a));
        struct kn_runnable *next = NULL;
        enum outcome out = run_one(&ctx, a, &next);
        if (out == OUT_NOT) {
            out = run_answer(&ctx, a, &next);
        }
        if (kn_unlikely(out != OUT_IDLE)) {
            ran = out == OUT_ENDED ? KN_RAN_DONE : run_turn(&ctx, a, NULL, out);
            break;
        }
        if (!next) {
            break;
        }
        a = kn_container_of(next, struct kn_agent, run);
        kn_turn_pass(ctx.local, a, &ctx);
    }
out:
    KN_ASSERT(!ctx.outer); /* hooks have been left */
    kn_turn_end(ctx.local);
    if (kn_unlikely(ran == KN_RAN_AGAIN && &a->run != run)) { /* not the one the loop knows of */
        kn_worker_requeue(ctx.local->worker, &a->run, KN_PRIO_NORMAL);
        ran = KN_RAN_DONE;
    }
    return ran;
}

enum kn_called kn_call_run(struct kn_call *call)
{
    struct koken_ctx *outer = &call->caller->ctx;
    struct kn_local *local = outer->local;
    struct kn_agent *a = call->callee;
    struct koken_ctx ctx = {.rt = local->rt, .local = local, .call = call};
    enum outcome out = OUT_NOT;
    enum kn_ran ran = KN_RAN_DONE;
    KN_ASSERT(local->running == outer);
    KN_ASSERT(kn_agent_check(a));
    kn_call_count_step(local->worker);
    local->running = &ctx;
    kn_turn_pass(local, a, &ctx);
    bool is_timed = kn_profile_is_due(local);
    if (kn_likely(!is_timed)) {
        out = run_one(&ctx, a, NULL);
    }
    if (kn_unlikely(out == OUT_NOT)) {
        (void)kn_message_deadline(call->request); /* it may not be the first to be handled */
        ran = is_timed ? run_sampled(&ctx, a) : run_turn(&ctx, a, NULL, out);
    } else if (kn_unlikely(out != OUT_IDLE && out != OUT_ENDED)) {
        ran = run_turn(&ctx, a, NULL, out);
    }
    KN_ASSERT(!ctx.outer); /* hooks have been left */
    local = ctx.local;
    if (kn_unlikely(ran == KN_RAN_AGAIN)) {
        kn_worker_requeue(local->worker, &a->run, KN_PRIO_NORMAL);
    }
    if (kn_unlikely(!ctx.call)) { /* its fiber has been let go of */
        kn_turn_end(local);
        return KN_CALLED_GONE;
    }
    KN_ASSERT(call->caller->agent->cold->fiber == call->caller);
    outer->local = local;
    local->running = outer;
    kn_turn_pass(local, outer->self, outer);
    kn_store(&local->running_type, NULL, relaxed); /* for reports only */
    return call->is_answered ? KN_CALLED_ANSWERED : KN_CALLED_OPEN;
}
