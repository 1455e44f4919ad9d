/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vote is held by an agent of its own, the collector, spawned for it: the members answer to it,
 * whoever asked awaits it. So the same code serves fibers, handlers and threads outside, and no
 * answer can come to somebody who is gone.
 *
 * Who owns the vote: the caller until the spawn, the collector from then on (its exit hook is the
 * last resort), and with the answer whoever gets it; an answer that nobody gets is dropped.
 *
 * After the verdict the collector stays until all members have answered, or for a while: a member
 * that answers late does so in vain, but without an error that it might take for its own.
 */
#include <koken/quorum.h>

#include "actors/request.h"
#include "base/assert.h"
#include "caps/payload.h"
#include "orchestration/ballots.h"
#include "orchestration/either.h"

#include <koken/time.h>

#include <errno.h>
#include <string.h>

#define LINGER_NS KOKEN_S(1) /* at least; else as long as the vote was given */

KOKEN_EVENT(kn_quorum_begin);
KOKEN_EVENT(kn_quorum_late);

struct collector {
    struct koken_quorum *vote; /* until the verdict */
    koken_claim caller;
    koken_timer deadline;
    uint64_t timeout_ns;
    uint32_t pending; /* requests under way */
};

void koken_quorum_result_drop_(void *payload)
{
    struct koken_quorum_result *result = payload;
    koken_quorum_free(result->vote);
    result->vote = NULL;
}

/* The verdict: the vote goes to who asked, and the collector lingers. */
static int conclude(koken_ctx *ctx, struct collector *self, int error)
{
    struct koken_quorum *vote = self->vote;
    KN_ASSERT(vote);
    self->vote = NULL;
    kn_ballots_close(vote, error);
    if (koken_answer(self->caller, koken_quorum_result, .vote = vote, .error = error) < 0) {
        koken_quorum_free(vote);
    }
    if (self->deadline.id) {
        /* Gone off already: then it is what we handle, or is thrown away. */
        kn_either_way(koken_cancel(ctx, self->deadline));
    }
    if (self->pending == 0) {
        return KOKEN_STOP;
    }
    uint64_t linger_ns = LINGER_NS;
    if (self->timeout_ns != KOKEN_NO_DEADLINE && self->timeout_ns > linger_ns) {
        linger_ns = self->timeout_ns;
    }
    self->deadline = koken_after(ctx, linger_ns, kn_quorum_late);
    return self->deadline.id ? 0 : KOKEN_STOP;
}

static int look(koken_ctx *ctx, struct collector *self)
{
    if (!self->vote) {
        return self->pending == 0 ? KOKEN_STOP : 0;
    }
    switch (kn_ballots_verdict(self->vote)) {
    case KN_VOTE_OPEN: return 0;
    case KN_VOTE_DONE: return conclude(ctx, self, 0);
    case KN_VOTE_LOST: break;
    }
    return conclude(ctx, self, -EPROTO);
}

/* Asks one member. The vals in the question are counted once more for it. */
static int ask(koken_ctx *ctx, const struct koken_quorum *vote, koken_ref who)
{
    unsigned char question[KOKEN_PAYLOAD_MAX] KN_ALIGNED(32);
    const struct koken_type *type = vote->type;
    memcpy(question, vote->question, type->size);
    kn_payload_share(type, question);
    int rc = koken_request_(ctx, who, KOKEN_NO_DEADLINE, type, question);
    if (rc < 0 && type->drop) {
        type->drop(question);
    }
    return rc;
}

static int on_begin(koken_ctx *ctx, struct collector *self, const struct kn_quorum_begin *msg)
{
    struct koken_quorum *vote = self->vote;
    (void)msg;
    if (!vote) {
        return 0; /* not from koken_quorum */
    }
    self->caller = koken_defer(ctx);
    self->timeout_ns = vote->timeout_ns;
    if (vote->timeout_ns != KOKEN_NO_DEADLINE) {
        self->deadline = koken_after(ctx, vote->timeout_ns, kn_quorum_late);
    }
    if (!self->caller.number || (vote->timeout_ns != KOKEN_NO_DEADLINE && !self->deadline.id)) {
        return -ENOMEM;
    }
    /* Ends early when the quorum is there or lost: then asking has no use. */
    for (uint32_t i = 0; i < vote->count && kn_ballots_verdict(vote) == KN_VOTE_OPEN; i++) {
        struct koken_ballot *ballot = &vote->ballots[i].seen;
        if (ballot->state != KOKEN_BALLOT_PENDING) {
            continue;
        }
        int rc = ask(ctx, vote, ballot->who);
        if (rc > 0) {
            kn_ballots_asked(vote, i, (uint32_t)rc);
            self->pending++;
        } else {
            kn_ballots_fail(vote, i, rc);
        }
    }
    return look(ctx, self);
}

/* An answer of a member, whatever its type, or what the runtime says instead. */
static int on_answer(koken_ctx *ctx, struct collector *self, const void *payload)
{
    const struct koken_type *type = koken_message_type(ctx);
    uint32_t request = koken_request_number(ctx);
    int index = self->vote && request ? kn_ballots_find(self->vote, request) : KN_NO_BALLOT;
    if (request == 0) {
        return 0; /* nobody asked for it */
    }
    KN_ASSERT(self->pending > 0);
    self->pending--;
    if (index != KN_NO_BALLOT && type == &koken_type_koken_failed) {
        const struct koken_failed *failed = payload;
        kn_ballots_fail(self->vote, (uint32_t)index, failed->error < 0 ? failed->error : -EPROTO);
    } else if (index != KN_NO_BALLOT) {
        kn_ballots_count(self->vote, (uint32_t)index, type, payload);
    }
    return look(ctx, self);
}

static int on_late(koken_ctx *ctx, struct collector *self, const struct kn_quorum_late *msg)
{
    (void)msg;
    self->deadline = (koken_timer){0};
    return self->vote ? conclude(ctx, self, -ETIMEDOUT) : KOKEN_STOP;
}

static void on_exit(koken_ctx *ctx, struct collector *self, int reason)
{
    (void)ctx;
    (void)reason;
    koken_quorum_free(self->vote);
    self->vote = NULL;
}

KOKEN_AGENT(collector, struct collector, KOKEN_ON(kn_quorum_begin, on_begin),
            KOKEN_ON(kn_quorum_late, on_late), KOKEN_ANY(on_answer), KOKEN_EXIT(on_exit));

/* What a vote that was held tells its caller. */
static int take_result(const struct koken_quorum_result *result, struct koken_quorum **ret_vote)
{
    *ret_vote = result->vote;
    return result->error;
}

int koken_quorum_rt_(struct koken *rt, struct koken_quorum_call call,
                     struct koken_quorum **ret_vote)
{
    struct kn_local *local = kn_local_here();
    if (local) { /* a thread that is an agent's, or nobody's */
        return local->running ? koken_quorum_ctx_(local->running, call, ret_vote) : -ENOTSUP;
    }
    struct collector start = {0};
    struct koken_quorum_result result;
    koken_ref who;
    if (!rt || !ret_vote) {
        return -EINVAL;
    }
    int rc = kn_ballots_new(&call, &start.vote);
    if (rc < 0) {
        return rc;
    }
    rc = koken_try_spawn(rt, &who, collector, .arg = &start);
    if (rc < 0) {
        koken_quorum_free(start.vote);
        return rc;
    }
    rc = koken_await(rt, who, KOKEN_NO_DEADLINE, &result, kn_quorum_begin);
    if (rc < 0) {
        kn_either_way(koken_exit(who)); /* it may not have heard of its beginning */
        return rc;
    }
    return take_result(&result, ret_vote);
}

int koken_quorum_ctx_(koken_ctx *ctx, struct koken_quorum_call call, struct koken_quorum **ret_vote)
{
    struct collector start = {0};
    struct koken_quorum_result result;
    koken_ref who;
    if (!ctx || !ret_vote || (!call.members && call.count)) {
        return -EINVAL;
    }
    if (!(ctx->self->flags & KN_AGENT_FIBER)) {
        return -ENOTSUP;
    }
    for (size_t i = 0; i < call.count; i++) {
        if (koken_ref_equal(call.members[i], koken_self(ctx))) {
            return -EDEADLK;
        }
    }
    int rc = kn_ballots_new(&call, &start.vote);
    if (rc < 0) {
        return rc;
    }
    rc = koken_try_spawn(ctx, &who, collector, .arg = &start);
    if (rc < 0) {
        koken_quorum_free(start.vote);
        return rc;
    }
    rc = koken_await(ctx, who, KOKEN_NO_DEADLINE, &result, kn_quorum_begin);
    if (rc < 0) {
        kn_either_way(koken_exit(who)); /* as above */
        return rc;
    }
    return take_result(&result, ret_vote);
}

int koken_quorum_request_(koken_ctx *ctx, struct koken_quorum_call call)
{
    struct collector start = {0};
    koken_ref who;
    if (!ctx || (!call.members && call.count)) {
        return -EINVAL;
    }
    if (ctx->self->flags & KN_AGENT_FIBER) {
        return -ENOTSUP;
    }
    int rc = kn_ballots_new(&call, &start.vote);
    if (rc < 0) {
        return rc;
    }
    rc = koken_try_spawn(ctx, &who, collector, .arg = &start);
    if (rc < 0) {
        koken_quorum_free(start.vote);
        return rc;
    }
    rc = koken_request(ctx, who, KOKEN_NO_DEADLINE, kn_quorum_begin);
    if (rc < 0) {
        kn_either_way(koken_exit(who));
    }
    return rc;
}

/* ---- questions that are vals ---- */

int koken_quorum_val_rt_(struct koken *rt, struct koken_quorum_call call, const void *payload,
                         struct koken_quorum **ret_vote)
{
    struct kn_handle handle;
    call.type = kn_payload_message(payload, /* is_val= */ true, &handle);
    call.payload = &handle;
    return koken_quorum_rt_(rt, call, ret_vote);
}

int koken_quorum_val_ctx_(koken_ctx *ctx, struct koken_quorum_call call, const void *payload,
                          struct koken_quorum **ret_vote)
{
    struct kn_handle handle;
    call.type = kn_payload_message(payload, /* is_val= */ true, &handle);
    call.payload = &handle;
    return koken_quorum_ctx_(ctx, call, ret_vote);
}

int koken_quorum_request_val_(koken_ctx *ctx, struct koken_quorum_call call, const void *payload)
{
    struct kn_handle handle;
    call.type = kn_payload_message(payload, /* is_val= */ true, &handle);
    call.payload = &handle;
    return koken_quorum_request_(ctx, call);
}
