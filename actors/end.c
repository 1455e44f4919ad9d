/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an agent, and messages that will not be handled. */
#include "actors/agent.h"

#include "actors/alarm.h"
#include "actors/alone.h"
#include "actors/deadletter.h"
#include "actors/fiber_agent.h"
#include "actors/heirloom.h"
#include "actors/link.h"
#include "actors/park.h"
#include "actors/registry.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/spawn.h"
#include "actors/stage.h"
#include "base/mutant.h"

#include <errno.h>
#include <stdio.h>

void kn_ctx_nest(struct koken_ctx *ctx, struct kn_local *local, struct kn_agent *a)
{
    KN_ASSERT(kn_local_is_held(local));
    KN_ASSERT(ctx != local->running);
    KN_ASSERT(kn_agent_is_held(a));
    *ctx = (struct koken_ctx){
        .rt = local->rt, .local = local, .self = a, .id = kn_agent_id(a), .outer = local->running};
    local->running = ctx;
    kn_store(&local->self_id, ctx->id, relaxed); /* relaxed: read by this worker, and by reports */
    kn_turn_of(ctx->id);
    kn_park_mark(local);
}

struct kn_local *kn_ctx_unnest(struct koken_ctx *ctx)
{
    struct kn_local *local = ctx->local; /* another one, after a blocking section */
    KN_ASSERT(local->running == ctx);
    KN_ASSERT(kn_local_is_held(local));
    local->running = ctx->outer;
    kn_store(&local->self_id, ctx->outer ? ctx->outer->id : 0, relaxed); /* as above */
    kn_turn_of(ctx->outer ? ctx->outer->id : 0);
    if (ctx->outer) {
        ctx->outer->local = local;
    }
    kn_park_mark(local);
    return local;
}

struct kn_cold *kn_agent_cold(struct kn_agent *a)
{
    if (!a->cold) {
        struct kn_cold *cold = kn_alloc(sizeof *cold, _Alignof(struct kn_cold), -1);
        if (!cold) {
            return NULL;
        }
        *cold = (struct kn_cold){.type = kn_agent_behaviour(a)};
        a->cold = cold;
    }
    return a->cold;
}

void kn_agent_cold_from(struct kn_agent *a, struct kn_cold *spare)
{
    if (a->cold) {
        kn_free(spare, sizeof *spare, _Alignof(struct kn_cold));
    } else {
        *spare = (struct kn_cold){.type = kn_agent_behaviour(a)};
        a->cold = spare;
    }
}

void kn_dead_letter(struct kn_local *local, struct kn_envelope *e, int error)
{
    KN_ASSERT(error < 0);
    KN_ASSERT(!(e->flags & KN_ENV_DONE));
    KN_ASSERT(kn_local_is_held(local));
    kn_count_add(&local->counters.dead, 1);
    if (e->type->drop) {
        e->type->drop(e->payload);
    }
    if (e->flags & KN_ENV_REQUEST) {
        kn_request_fail(local->rt, local, e, error);
    }
}

/* Everything in a list becomes a dead letter. */
static KN_NOINLINE void bury(struct kn_local *local, const struct kn_agent *a,
                             struct kn_envelope *e)
{
    while (e) { /* ends: the list is finite and nobody adds to it */
        struct kn_envelope *next = e->next;
        if (!(e->flags & KN_ENV_TIMER)) { /* its own timers are cancelled, not lost */
            kn_letter(local->rt, local, e, kn_agent_id(a), KOKEN_DEAD_ENDED);
        }
        kn_dead_letter(local, e, -ESRCH);
        kn_envelope_part(local->rt, local, e);
        e = next;
    }
}

/* What is left to do for others once an agent has ended. */
struct last_words {
    struct kn_envelope *farewells;
    struct kn_name *names;
};

/* The same of the system lane, where bonds may be that have come too late. */
static KN_NOINLINE void bury_system(struct kn_local *local, struct kn_agent *a,
                                    struct last_words *last)
{
    struct kn_envelope *e = a->intake.system_head;
    while (e) { /* ends: as above */
        struct kn_envelope *next = e->next;
        e->next = NULL;
        if (kn_link_is_bond(e->type)) {
            kn_count_add(&local->counters.received, 1);
            if (kn_mutant(KN_MUTANT_LOST_MONITOR) || !kn_link_late(e, &last->farewells)) {
                kn_envelope_free(&local->worker->pool, e);
            }
        } else if (kn_registry_late(e, &last->names)) {
            kn_count_add(&local->counters.received, 1);
            kn_envelope_free(&local->worker->pool, e);
        } else {
            bury(local, a, e);
        }
        e = next;
    }
}

/* The mailbox: closed, emptied, and those who wait for room told. */
static inline void close_mailbox(struct kn_local *local, struct kn_agent *a,
                                 struct last_words *last)
{
    struct kn_envelope *boundary = NULL;
    /* Not the thread of a stop, which has the locals of workers that are gone. */
    bool is_alone = kn_alone_enter_own(local);
    (void)kn_mailbox_close_by(&a->mailbox, &a->intake, &boundary, is_alone);
    if (is_alone) {
        kn_alone_leave(local);
    }
    kn_envelope_release(local, boundary);
    if (a->intake.system_head) {
        bury_system(local, a, last);
    }
    if (a->intake.user_head) {
        bury(local, a, a->intake.user_head);
    }
    a->intake = (struct kn_intake){NULL, NULL, NULL, NULL};
    struct kn_overflow *o = kn_load(&a->overflow, acquire); /* [AS3] acquire */
    if (o) {
        kn_overflow_close(o);
        struct kn_envelope *e;
        KN_ASSERT(a->policy == KOKEN_POLICY_DROP_OLD || !kn_overflow_count(o));
        while ((e = kn_overflow_pop(o)) != NULL) { /* ends: closed */
            e->next = NULL;
            bury(local, a, e);
        }
        kn_room_made(local, a);
    }
}

static KN_NOINLINE void free_cold(struct kn_local *local, struct kn_agent *a,
                                  struct last_words *last)
{
    struct kn_cold *cold = a->cold;
    kn_link_end(local, a, &last->farewells);
    while (cold->names) { /* ends: the list is finite */
        struct kn_name *name = cold->names;
        cold->names = name->next;
        name->next = last->names;
        last->names = name;
    }
    if (cold->outbox) {
        kn_park_abandon(local, a);
    }
    kn_claims_end(local, a, -ESRCH);
    kn_alarms_end(local, a);
    bury(local, a, cold->stash_head);
    if (cold->fiber) {
        kn_fiber_agent_free(local, a);
    }
    KN_ASSERT(!cold->outbox);
    KN_ASSERT(!cold->claims);
    KN_ASSERT(!cold->alarms);
    KN_ASSERT(!cold->fiber);
    KN_ASSERT(!cold->bonds);
    kn_free(cold, sizeof *cold, _Alignof(struct kn_cold));
    a->cold = NULL;
}

/* The exit hook, if there is one and init has been. Answers the worker on which it ended. */
static KN_NOINLINE struct kn_local *call_exit_hook(struct kn_local *local, struct kn_agent *a,
                                                   const struct koken_agent_type *type, int reason)
{
    const struct koken_row *hook = NULL;
    for (uint32_t i = 0; i < type->row_count; i++) {
        hook = type->rows[i].kind == KOKEN_ROW_EXIT ? &type->rows[i] : hook;
    }
    if (hook && a->run.step != kn_newborn_turn) {
        struct koken_ctx ctx;
        kn_ctx_nest(&ctx, local, a);
        ctx.events = KN_CTX_LAST;
        (void)kn_stage_call(hook->handle, &ctx, a, &reason, NULL);
        local = kn_ctx_unnest(&ctx);
    }
    return local;
}

/* A failure nobody hears of is the worst kind: one line to the log, if there is one. */
static KN_NOINLINE void report(const struct kn_local *local, const struct kn_agent *a, int reason)
{
    const struct koken_options *o = &local->rt->options;
    const struct koken_type *type = kn_load(&local->running_type, relaxed); /* relaxed: our own */
    if (o->log) {
        char line[160];
        (void)snprintf(line, sizeof line, "koken: agent %s failed with %s (%d)%s%s",
                       a->cold ? a->cold->type->name : kn_agent_behaviour(a)->name,
                       koken_errname(reason), reason, type ? " in its handler of " : "",
                       type ? type->name : "");
        o->log(o->log_arg, line);
    }
}

void kn_agent_end(struct kn_local *local, struct kn_agent *a, int reason)
{
    KN_ASSERT(kn_agent_is_held(a));
    KN_ASSERT(!(kn_load(&a->mailbox.word, relaxed) & KN_MB_CLOSED)); /* once */
    if (a->cold && a->cold->doom) {
        reason = a->cold->doom; /* its own reason does not matter, and has been reported once */
    } else if (reason < 0) {
        report(local, a, reason);
    }
    kn_agent_end_quietly(local, a, reason, /* with_hook= */ true);
}

void kn_agent_end_quietly(struct kn_local *local, struct kn_agent *a, int reason, bool with_hook)
{
    KOKEN_CHECK(kn_agent_is_held(a));
    KN_ASSERT(kn_local_is_held(local));
    KN_ASSERT(reason <= 0);
    const struct koken_agent_type *type = a->cold ? a->cold->type : kn_agent_behaviour(a);
    if (with_hook && a->cold && kn_agent_type_may_have(type, KOKEN_ROW_SAVE)) {
        local = kn_heirloom_leave(local, a, type, reason);
    }
    if (with_hook && kn_agent_type_may_have(type, KOKEN_ROW_EXIT)) {
        local = call_exit_hook(local, a, type, reason);
    }
    struct last_words last = {NULL, NULL};
    uint64_t id = kn_agent_id(a);
    close_mailbox(local, a, &last);
    if (a->cold) {
        free_cold(local, a, &last);
        kn_park_mark(local); /* it may have been parked */
    }
    if (kn_likely(a->state == (void *)a->inline_state)) {
        a->state = NULL;
    } else {
        kn_state_free(local, a);
    }
    KN_ASSERT(kn_agent_id(a) == id);
    kn_count_add(&local->counters.exited, 1);
    if (reason < 0) {
        kn_count_add(&local->counters.failed, 1);
    }
    uint64_t next = id + ((uint64_t)1 << 32);
    /* [AS2] release: from here on the agent's handles are stale. No generation is 0. */
    kn_store(&a->id, next >> 32 ? next : next | (uint64_t)1 << 32, release);
    if (kn_unlikely(last.names != NULL)) { /* before anybody hears, and perhaps wants the names */
        kn_registry_end(local->rt, last.names);
    }
    if (kn_unlikely(last.farewells != NULL)) {
        kn_link_farewell(local, id, reason, last.farewells);
    }
    kn_stage_free(a);
    kn_slot_give(local->rt, local, a);
}
