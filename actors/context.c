/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent can ask and say of itself and of others. */
#include "actors/agent.h"
#include "actors/deadletter.h"
#include "actors/fiber_agent.h"
#include "actors/kn_rcu.h"
#include "actors/request.h"
#include "actors/slots.h"
#include "actors/stamp.h"
#include "actors/system.h"

#include <errno.h>

koken_ref koken_self(const koken_ctx *ctx)
{
    koken_ref ref = {ctx->id};
    return ref;
}

koken_ref koken_sender(const koken_ctx *ctx)
{
    koken_ref ref = {ctx->msg ? ctx->msg->from : 0};
    return ref;
}

struct koken *koken_runtime(const koken_ctx *ctx)
{
    return ctx->rt;
}

const struct koken_type *koken_message_type(const koken_ctx *ctx)
{
    return ctx->msg ? ctx->msg->type : NULL;
}

uint64_t koken_sent_at(const koken_ctx *ctx)
{
    return ctx->msg ? kn_message_sent_at(ctx->msg) : 0;
}

int koken_become_(koken_ctx *ctx, const struct koken_agent_type *behaviour)
{
    struct kn_agent *a = ctx->self;
    if (behaviour->is_fiber || (a->flags & KN_AGENT_FIBER) ||
        behaviour->state_size != kn_agent_behaviour(a)->state_size) {
        return -EINVAL;
    }
    if (!kn_agent_cold(a)) { /* remembers the type it was spawned as, for its exit hook */
        return -ENOMEM;
    }
    kn_store(&a->behaviour, behaviour, relaxed); /* relaxed: it points to a constant */
    ctx->events |= KN_CTX_TABLE;
    return 0;
}

int koken_fail(koken_ctx *ctx, int reason)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    bool is_first = f ? f->ctx.failure == 0 : !(ctx->events & KN_CTX_FAILED);
    if (reason >= 0 || !is_first || (ctx->events & KN_CTX_LAST)) {
        return reason;
    }
    if (f) {
        f->ctx.failure = reason;
        f->is_cancelled = true; /* its waits end */
    } else {
        ctx->failure = reason;
        ctx->events |= KN_CTX_FAILED;
    }
    return reason;
}

/* Of a DROP_OLD mailbox, whose bound is the list's: the oldest that was put aside makes room. */
static void give_up_oldest(struct kn_local *local, struct kn_agent *a, struct kn_cold *cold)
{
    struct kn_overflow *o = kn_load(&a->overflow, relaxed); /* relaxed: made at the spawn */
    struct kn_envelope *e = cold->stash_head;
    KN_ASSERT(e != NULL);
    cold->stash_head = e->next;
    cold->stash_tail = e->next ? cold->stash_tail : NULL;
    kn_count_add(&local->counters.dropped, 1);
    kn_letter(local->rt, local, e, kn_agent_id(a), KOKEN_DEAD_FULL);
    if ((e->flags & KN_ENV_BYTES) && kn_overflow_release(o, e->type->size)) {
        kn_room_made(local, a);
    }
    if (e->type->drop) {
        e->type->drop(e->payload);
    }
    if (e->flags & KN_ENV_REQUEST) {
        kn_request_fail(local->rt, local, e, -EAGAIN);
    }
    kn_envelope_over(local, a, e);
}

/* Bounds what a DROP_OLD agent puts aside, before it puts one more aside. */
static void make_place(struct kn_local *local, struct kn_agent *a, struct kn_cold *cold)
{
    struct kn_overflow *o = kn_load(&a->overflow, relaxed); /* relaxed: made at the spawn */
    uint32_t held = kn_load(&o->held, relaxed);             /* relaxed: our own */
    if (held >= a->mailbox.limit) {
        give_up_oldest(local, a, cold);
    } else {
        kn_store(&o->held, held + 1, relaxed); /* relaxed: a number for reports */
    }
}

int koken_stash(koken_ctx *ctx)
{
    struct kn_agent *a = ctx->self;
    struct kn_envelope *e = ctx->msg;
    if (!e || (ctx->events & KN_CTX_KEPT) || (a->flags & KN_AGENT_FIBER)) {
        return -EINVAL;
    }
    struct kn_cold *cold = kn_agent_cold(a);
    if (!cold) {
        return -ENOMEM;
    }
    if (e->lane == KN_LANE_SYSTEM) {
        e->lane = KN_LANE_USER; /* what it did to the runtime has been done */
        e->flags |= KN_ENV_UNCOUNTED;
    }
    KN_ASSERT(!(e->flags & KN_ENV_DONE));
    KN_ASSERT(!cold->stash_head == !cold->stash_tail);
    if (a->policy == KOKEN_POLICY_DROP_OLD) {
        make_place(ctx->local, a, cold);
    }
    (void)kn_message_deadline(e); /* counted from now, if it has not been looked up yet */
    e->next = NULL;
    if (cold->stash_head) {
        cold->stash_tail->next = e;
    } else {
        cold->stash_head = e;
    }
    cold->stash_tail = e;
    ctx->events |= KN_CTX_KEPT;
    return 0;
}

void koken_unstash(koken_ctx *ctx)
{
    struct kn_cold *cold = ctx->self->cold;
    struct kn_intake *in = &ctx->self->intake;
    if (!cold || !cold->stash_head) {
        return;
    }
    if (!in->user_head) {
        in->user_tail = cold->stash_tail;
    }
    KN_ASSERT(!cold->stash_tail->next);
    KN_ASSERT(cold->stash_tail->lane == KN_LANE_USER);
    cold->stash_tail->next = in->user_head;
    in->user_head = cold->stash_head;
    cold->stash_head = cold->stash_tail = NULL;
    if (ctx->self->policy == KOKEN_POLICY_DROP_OLD) {
        kn_store(&kn_load(&ctx->self->overflow, relaxed)->held, 0, relaxed); /* as above */
    }
    ctx->events |= KN_CTX_UNSTASHED;
}

bool koken_unstash_one(koken_ctx *ctx)
{
    struct kn_cold *cold = ctx->self->cold;
    struct kn_intake *in = &ctx->self->intake;
    if (!cold || !cold->stash_head) {
        return false;
    }
    struct kn_envelope *e = cold->stash_head;
    KN_ASSERT(e->lane == KN_LANE_USER);
    cold->stash_head = e->next;
    cold->stash_tail = e->next ? cold->stash_tail : NULL;
    in->user_tail = in->user_head ? in->user_tail : e;
    e->next = in->user_head;
    in->user_head = e;
    if (ctx->self->policy == KOKEN_POLICY_DROP_OLD) {
        struct kn_overflow *o = kn_load(&ctx->self->overflow, relaxed); /* as above */
        kn_store(&o->held, kn_load(&o->held, relaxed) - 1, relaxed);    /* as above */
    }
    ctx->events |= KN_CTX_UNSTASHED;
    return true;
}

/* Frames the use of a handle by any thread. */
static bool visit(void)
{
    bool is_outside = kn_local_here() == NULL;
    if (is_outside) {
        kn_rcu_visit();
    }
    return is_outside;
}

static void depart(bool is_outside)
{
    if (is_outside) {
        kn_rcu_depart();
    }
}

int koken_exit(koken_ref who)
{
    struct kn_local *local = kn_local_here();
    bool is_outside = visit();
    int rc = is_outside ? kn_tell_outside(who, &kn_type_stop)
                        : kn_post(local, who.id, &kn_type_stop, NULL, 0, 0);
    depart(is_outside);
    return rc;
}

bool koken_alive(koken_ref who)
{
    bool is_outside = visit();
    bool alive = kn_resolve(who.id) != NULL;
    depart(is_outside);
    return alive;
}

uint32_t koken_queued(koken_ref who)
{
    bool is_outside = visit();
    uint32_t queued = 0;
    struct kn_agent *a = kn_resolve(who.id);
    if (a && a->policy == KOKEN_POLICY_DROP_OLD) {
        struct kn_overflow *o = kn_load(&a->overflow, relaxed);     /* relaxed: made at the spawn */
        queued = kn_overflow_count(o) + kn_load(&o->held, relaxed); /* relaxed: a moment's number */
    } else if (a) {
        queued = kn_mailbox_queued(&a->mailbox);
    }
    depart(is_outside);
    return queued;
}
