/* SPDX-License-Identifier: Apache-2.0 */
/* System messages, replies, claims, and requests of handler agents. */
#include "actors/request.h"

#include "actors/alarm.h"
#include "actors/alone.h"
#include "actors/call.h"
#include "actors/kn_rcu.h"
#include "actors/park.h"
#include "actors/slots.h"
#include "actors/stamp.h"
#include "base/world.h"

#include <errno.h>

/* Puts e into a's mailbox and gets a scheduled. 0 or -ESRCH, then e is the caller's. */
static int push_system(struct kn_local *local, struct kn_agent *a, struct kn_envelope *e)
{
    KN_ASSERT(!local || kn_local_is_held(local));
    KN_ASSERT(!(e->flags & KN_ENV_DONE));
    struct koken *visited = kn_alone_visit_agent(local, kn_agent_runtime(a));
    enum kn_push pushed;
    /* Not the thread of a stop, which has the locals of workers that are gone. */
    if (kn_likely(!visited) && kn_alone_enter_own(local)) {
        pushed = kn_mailbox_push_system_by(&a->mailbox, e, /* is_alone= */ true);
        kn_alone_leave(local);
    } else {
        pushed = kn_mailbox_push_system_by(&a->mailbox, e, /* is_alone= */ false);
    }
    kn_alone_depart_agent(visited);
    if (pushed == KN_PUSH_CLOSED) {
        return -ESRCH;
    }
    if (pushed == KN_PUSH_WAKE) {
        kn_agent_wake(local, a);
    }
    return 0;
}

/* From a thread outside a's runtime; counted there. */
static int post_outside(struct kn_agent *a, const struct koken_type *type, const void *payload,
                        uint32_t corr, unsigned flags)
{
    struct koken *rt = kn_agent_runtime(a);
    struct kn_envelope *e = kn_message_new_outside(rt, type, payload);
    if (!e) {
        return -ENOMEM;
    }
    e->corr = corr;
    e->flags |= (uint16_t)flags;
    int rc = push_system(NULL, a, e);
    pthread_mutex_lock(&rt->outside_lock);
    if (rc < 0) {
        kn_envelope_free(&rt->outside_pool, e);
    } else {
        kn_count_add(&rt->outside.sent, 1);
    }
    pthread_mutex_unlock(&rt->outside_lock);
    return rc;
}

int kn_post_system(struct kn_local *local, uint64_t to, struct kn_envelope *e)
{
    struct kn_agent *a = kn_resolve(to);
    KN_ASSERT(!a || !local || kn_agent_runtime(a) == local->rt);
    return a ? push_system(local, a, e) : -ESRCH;
}

int kn_post_made(struct koken *rt, struct kn_local *local, uint64_t to, struct kn_envelope *e)
{
    KN_ASSERT(!local || local->rt == rt);
    e->next = NULL;
    int rc = to ? kn_post_system(local, to, e) : -ESRCH;
    if (!local) {
        pthread_mutex_lock(&rt->outside_lock);
    }
    if (rc == 0) {
        kn_count_add(local ? &local->counters.sent : &rt->outside.sent, 1);
    } else {
        kn_envelope_free(local ? &local->worker->pool : &rt->outside_pool, e);
    }
    if (!local) {
        pthread_mutex_unlock(&rt->outside_lock);
    }
    return rc;
}

int kn_post(struct kn_local *local, uint64_t to, const struct koken_type *type, const void *payload,
            uint32_t corr, unsigned flags)
{
    struct kn_agent *a = kn_resolve(to);
    if (!a) {
        return -ESRCH;
    }
    if ((flags & KN_ENV_REPLY) && (a->flags & KN_AGENT_FIBER)) {
        kn_park_settle(kn_agent_runtime(a), to, corr);
    }
    if (!local || kn_agent_runtime(a) != local->rt) {
        return post_outside(a, type, payload, corr,
                            flags); /* envelopes do not leave their runtime */
    }
    struct kn_envelope *e = kn_message_new(local, type, payload);
    if (!e) {
        return -ENOMEM;
    }
    e->corr = corr;
    e->flags |= (uint16_t)flags;
    int rc = push_system(local, a, e);
    if (rc < 0) {
        kn_envelope_free(&local->worker->pool, e);
        return rc;
    }
    kn_count_add(&local->counters.sent, 1);
    return 0;
}

/* Tells whoever waits for an answer under corr that none comes. Errors: as kn_post. */
static int answer_error(struct kn_local *local, uint64_t from, uint32_t corr, int error)
{
    KN_ASSERT(error <= 0);
    struct koken_failed failed = {corr, error};
    return kn_post(local, from, &koken_type_koken_failed, &failed, corr,
                   KN_ENV_REPLY | KN_ENV_ERROR);
}

/* Makes of e the answer `error` to the request that it was; it is sent by kn_envelope_part. */
static void owe(struct kn_envelope *e, int error)
{
    struct koken_failed failed = {e->corr, error};
    KN_ASSERT(e->from != 0);
    KN_ASSERT(e->corr != 0);
    e->type = &koken_type_koken_failed;
    kn_payload_copy(e->payload, &failed, sizeof failed);
    e->flags |= KN_ENV_OWED;
}

void kn_request_fail(struct koken *rt, struct kn_local *local, struct kn_envelope *e, int error)
{
    KN_ASSERT(!(e->flags & (KN_ENV_DONE | KN_ENV_OWED)));
    if (e->from == 0 || e->corr == 0) {
        return; /* an init that nobody waits for */
    }
    e->flags &= (uint16_t)~KN_ENV_REQUEST;
    if (answer_error(local, e->from, e->corr, error) == -ENOMEM) {
        const struct kn_agent *asker = kn_resolve(e->from);
        if (asker &&
            kn_agent_runtime(asker) == rt) { /* else it would leave its runtime: CAVEATS.md */
            owe(e, error);
        }
    }
}

void kn_message_drop(struct koken *rt, struct kn_local *local, struct kn_envelope *e, int error)
{
    KN_ASSERT(!(e->flags & KN_ENV_DONE));
    KN_ASSERT(error < 0);
    KN_ASSERT(!local || local->rt == rt);
    if (e->type->drop) {
        e->type->drop(e->payload);
    }
    if (e->flags & KN_ENV_REQUEST) {
        kn_request_fail(rt, local, e, error);
    }
    kn_envelope_part(rt, local, e);
}

void kn_envelope_part(struct koken *rt, struct kn_local *local, struct kn_envelope *e)
{
    uint64_t asker = 0;
    if (e->flags & KN_ENV_OWED) {
        const struct kn_agent *a = kn_resolve(e->from);
        KN_ASSERT(e->type == &koken_type_koken_failed);
        if (a && (a->flags & KN_AGENT_FIBER)) {
            kn_park_settle(rt, e->from, e->corr);
        }
        asker = e->from;
        e->flags = KN_ENV_REPLY | KN_ENV_ERROR;
        e->from = 0;
    }
    (void)kn_post_made(rt, local, asker, e);
}

void kn_envelope_over(struct kn_local *local, struct kn_agent *a, struct kn_envelope *e)
{
    if (kn_unlikely(e->flags & KN_ENV_OWED) && e != a->intake.boundary) {
        kn_envelope_part(local->rt, local, e);
    } else {
        kn_envelope_done(local, a, e); /* the boundary: sent by the release that ends it */
    }
}

int kn_tell_outside(koken_ref who, const struct koken_type *type)
{
    return kn_post(NULL, who.id, type, NULL, 0, 0);
}

void kn_message_over(struct kn_local *local, struct kn_agent *a, struct kn_envelope *e, int rc)
{
    KN_ASSERT(kn_local_is_held(local));
    KN_ASSERT(kn_agent_is_held(a));
    if (e->flags & KN_ENV_BYTES) {
        struct kn_overflow *o = kn_load(&a->overflow, relaxed); /* relaxed: made at the spawn */
        KN_ASSERT(o != NULL);
        if (kn_overflow_release(o, e->type->size)) {
            kn_room_made(local, a);
        }
    }
    if ((e->flags & KN_ENV_STAMPED) && local->latency) {
        uint64_t now = kn_now(), sent = kn_message_sent_at(e);
        koken_histogram_record(local->latency, now > sent ? now - sent : 0);
    }
    if (e->flags & KN_ENV_REQUEST) {
        /* Handled without an answer: whoever waits for one shall not wait in vain. Last: it may change e. */
        kn_request_fail(local->rt, local, e, rc < 0 ? rc : -EPROTO);
    }
}

/* Answers a request, once. That nobody waits for the answer any more is no failure of whoever gives it. */
static int answer(struct kn_local *local, uint64_t from, uint32_t corr,
                  const struct koken_type *type, const void *payload)
{
    int rc = kn_post(local, from, type, payload, corr, KN_ENV_REPLY);
    if (rc == -ESRCH) {
        if (type->drop) {
            type->drop((void *)(uintptr_t)payload);
        }
        return 0;
    }
    return rc;
}

int koken_reply_(koken_ctx *ctx, const struct koken_type *type, const void *payload)
{
    struct kn_envelope *msg = ctx->msg;
    if (!msg || msg->from == 0 || (msg->flags & KN_ENV_ANSWERED)) {
        return -EINVAL;
    }
    if (!(msg->flags & KN_ENV_REQUEST)) {
        koken_ref sender = {msg->from};
        return koken_signal_(sender, type, payload);
    }
    struct kn_call *call = ctx->call;
    if (call && call->number == msg->corr && call->asker == msg->from) {
        kn_call_answer(ctx->local, call, type, payload);
        msg->flags ^= KN_ENV_REQUEST | KN_ENV_ANSWERED;
        return 0;
    }
    int rc = answer(ctx->local, msg->from, msg->corr, type, payload);
    if (rc == 0) {
        msg->flags ^= KN_ENV_REQUEST | KN_ENV_ANSWERED;
    }
    return rc;
}

koken_claim koken_defer(koken_ctx *ctx)
{
    koken_claim claim = {{0}, 0};
    struct kn_envelope *msg = ctx->msg;
    struct kn_cold *cold = msg && (msg->flags & KN_ENV_REQUEST) ? kn_agent_cold(ctx->self) : NULL;
    struct kn_claim *mine = cold ? kn_block_new(&ctx->local->worker->pool, sizeof *mine) : NULL;
    if (mine) {
        *mine = (struct kn_claim){cold->claims, msg->from, msg->corr, ++cold->claim_serial,
                                  kn_message_deadline(msg)};
        cold->claims = mine;
        msg->flags ^= KN_ENV_REQUEST | KN_ENV_ANSWERED;
        claim.who.id = msg->from;
        claim.number = mine->number;
    }
    return claim;
}

/* What leads to the claim among those of the agent that runs on the worker, or NULL. */
static struct kn_claim **find_claim(const struct kn_local *local, koken_claim claim)
{
    if (!local || !local->running || claim.number == 0) {
        return NULL;
    }
    struct kn_cold *cold = local->running->self->cold;
    struct kn_claim **link = cold ? &cold->claims : NULL;
    while (link && *link && (*link)->number != claim.number) { /* ends: the list is finite */
        link = &(*link)->next;
    }
    return link && *link && (*link)->from == claim.who.id ? link : NULL;
}

static void end_claim(struct kn_local *local, struct kn_claim **link)
{
    struct kn_claim *mine = *link;
    *link = mine->next;
    kn_block_free(&local->worker->pool, mine, sizeof *mine);
}

int koken_answer_(koken_claim claim, const struct koken_type *type, const void *payload)
{
    struct kn_local *local = kn_local_here();
    struct kn_claim **link = find_claim(local, claim);
    if (!link) {
        return -EINVAL;
    }
    KN_ASSERT((*link)->corr != 0);
    int rc = answer(local, (*link)->from, (*link)->corr, type, payload);
    if (rc != -ENOMEM) {
        end_claim(local, link);
    }
    return rc;
}

bool koken_is_awaited(koken_claim claim)
{
    struct kn_local *local = kn_local_here();
    struct kn_claim **link = find_claim(local, claim);
    if (!link) {
        return false;
    }
    uint64_t deadline = (*link)->deadline_ns;
    bool is_awaited = kn_resolve((*link)->from) && (!deadline || kn_now() < deadline);
    if (!is_awaited) {
        end_claim(local, link);
    }
    return is_awaited;
}

void kn_claims_end(struct kn_local *local, struct kn_agent *a, int error)
{
    KN_ASSERT(error < 0);
    KN_ASSERT(kn_agent_is_held(a));
    struct kn_claim *claim = a->cold->claims;
    a->cold->claims = NULL;
    while (claim) {
        struct kn_claim mine = *claim;
        kn_block_free(&local->worker->pool, claim, sizeof *claim);
        /* Never without memory, between two runtimes aside: the claim's own block has just become free. */
        (void)answer_error(local, mine.from, mine.corr, error);
        claim = mine.next;
    }
}

int kn_request_send(struct koken_ctx *ctx, koken_ref to, uint32_t number, uint64_t deadline_ns,
                    const struct koken_type *type, const void *payload)
{
    KN_ASSERT(number != 0);
    KN_ASSERT(kn_local_is_held(ctx->local));
    KN_ASSERT(type->size <= KN_PAYLOAD_MAX);
    struct kn_local *local = ctx->local;
    struct kn_agent *a = kn_resolve_in(local->rt, to.id);
    if (kn_likely(a && !local->is_unusual && !(a->flags & KN_AGENT_SPECIAL))) {
        int sent = kn_request_here(local, a, number, deadline_ns, type, payload);
        return sent < 0 ? sent : 0;
    }
    a = kn_resolve(to.id);
    int rc = -ESRCH;
    if (a) {
        struct kn_envelope *e =
            kn_request_new(kn_agent_runtime(a), local, type, payload, deadline_ns);
        if (!e) {
            return -ENOMEM;
        }
        e->from = kn_agent_id(ctx->self);
        e->corr = number;
        if (kn_agent_runtime(a) != local->rt) {
            return kn_send_outside(kn_agent_runtime(a), a, e);
        }
        rc = kn_send(local, a, e);
        if (rc < 0) {
            kn_envelope_free(&kn_worker_current()->pool, e);
        }
    }
    if (rc < 0) {
        kn_count_add(&((struct kn_local *)kn_worker_current()->local)->counters.refused, 1);
    }
    return rc < 0 ? rc : 0;
}

int koken_request_(koken_ctx *ctx, koken_ref to, uint64_t timeout_ns, const struct koken_type *type,
                   const void *payload)
{
    if (ctx->self->flags & KN_AGENT_FIBER) {
        return -ENOTSUP;
    }
    uint64_t deadline_ns;
    uint32_t number = kn_alarm_request(ctx->local, ctx->self, timeout_ns, &deadline_ns);
    if (!number) {
        return -ENOMEM;
    }
    KN_ASSERT(number <= INT32_MAX);
    int rc = kn_request_send(ctx, to, number, deadline_ns, type, payload);
    if (kn_unlikely(rc < 0)) {
        struct kn_alarm *alarm = kn_alarm_find(ctx->self, number);
        KN_ASSERT(alarm != NULL);
        (void)kn_alarm_end(ctx->local, ctx->self, alarm);
        return rc;
    }
    return (int)number;
}

uint64_t koken_time_left(const koken_ctx *ctx)
{
    uint64_t deadline = ctx && ctx->msg ? kn_message_deadline(ctx->msg) : 0;
    if (!deadline) {
        return KOKEN_NO_DEADLINE;
    }
    uint64_t now = kn_now();
    return deadline > now ? deadline - now : 0;
}

uint32_t koken_request_number(const koken_ctx *ctx)
{
    return ctx->request;
}
