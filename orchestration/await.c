/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many questions are asked by an agent of their own, the asker, as votes are (quorum.c): fibers and threads
 * await it, handlers request it, and what is asked is its state alone.
 *
 *      ask:   IDLE --asked--> PENDING --answer--> DONE
 *               ^               |
 *               |               +--failure, attempts left--> RESTING --backoff--> PENDING
 *               +-- hedged: not its turn yet                 else --> DONE with its error
 *
 * Who owns what was asked (struct koken_asked): the caller until the spawn, the asker from then on, and with the
 * answer whoever gets it.
 */
#include <koken/await.h>

#include "actors/request.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/world.h"
#include "orchestration/either.h"

#include <koken/time.h>

#include <errno.h>
#include <string.h>

KOKEN_EVENT(kn_await_begin);
KOKEN_EVENT(kn_await_late);
KOKEN_EVENT(kn_await_hedge);
KOKEN_MESSAGE(kn_await_again, { uint32_t index; });

enum state { IDLE, PENDING, RESTING, DONE };
enum { NONE = -1, BACKOFFS_MAX = 1000, SHIFT_MAX = 20, STOP_ASKING = KOKEN_STOP };

struct entry {
    koken_ref to;
    const struct koken_type *type;
    const struct koken_type *answer_type; /* NULL: no answer */
    uint32_t number;                      /* of its request while PENDING */
    uint32_t attempts;                    /* begun */
    int error;
    enum state state;
    unsigned char payload[KOKEN_PAYLOAD_MAX] KN_ALIGNED(32);
    unsigned char answer[KOKEN_PAYLOAD_MAX] KN_ALIGNED(32);
};

struct koken_asked {
    struct koken_await_options options;
    uint64_t timeout_ns, deadline_ns;
    uint64_t chance;
    uint32_t count;
    uint32_t open; /* not DONE */
    int last;      /* error of the ask that failed last */
    struct entry entries[];
};

struct asker {
    struct koken_asked *asked; /* until the end */
    koken_claim caller;
};

static size_t size_of(size_t count)
{
    return sizeof(struct koken_asked) + count * sizeof(struct entry);
}

static void free_asked(struct koken_asked *asked)
{
    if (asked) {
        kn_free(asked, size_of(asked->count), _Alignof(struct koken_asked));
    }
}

void koken_answers_drop_(void *payload)
{
    struct koken_answers *answers = payload;
    free_asked(answers->asked);
    answers->asked = NULL;
}

static int read_options(const struct koken_await_options *from, struct koken_await_options *o)
{
    size_t size = from && from->struct_size ? from->struct_size : sizeof *o;
    memset(o, 0, sizeof *o);
    if (size > sizeof *o || size < offsetof(struct koken_await_options, hedge_ns)) {
        return -EINVAL;
    }
    if (from) {
        memcpy(o, from, size);
    }
    o->attempts = o->attempts ? o->attempts : 1;
    if (!o->backoff_ns_max) {
        o->backoff_ns_max =
            o->backoff_ns > UINT64_MAX / BACKOFFS_MAX ? UINT64_MAX : o->backoff_ns * BACKOFFS_MAX;
    }
    return (unsigned)o->rule > KOKEN_AWAIT_RACE ? -EINVAL : 0;
}

static int new_asked(const struct koken_ask *asks, size_t count, uint64_t timeout_ns,
                     const struct koken_await_options *options, struct koken_asked **ret)
{
    struct koken_await_options o;
    if (!asks || count == 0 || read_options(options, &o) < 0) {
        return -EINVAL;
    }
    if (count > KOKEN_AWAIT_MAX) {
        return -E2BIG;
    }
    for (size_t i = 0; i < count; i++) {
        if (!asks[i].type || (!asks[i].payload && asks[i].type->size)) {
            return -EINVAL;
        }
        if (asks[i].type->drop) {
            return -ENOTSUP;
        }
    }
    struct koken_asked *asked = kn_alloc(size_of(count), _Alignof(struct koken_asked), -1);
    if (!asked) {
        return -ENOMEM;
    }
    memset(asked, 0, size_of(count));
    asked->options = o;
    asked->timeout_ns = timeout_ns;
    asked->count = asked->open = (uint32_t)count;
    asked->chance = kn_random_seed(kn_entropy());
    asked->last = -ECANCELED;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &asked->entries[i];
        entry->to = asks[i].to;
        entry->type = asks[i].type;
        entry->error = -ECANCELED;
        memcpy(entry->payload, asks[i].payload, entry->type->size);
    }
    *ret = asked;
    return 0;
}

/* The end: what was asked goes to who asked. */
static int conclude(struct asker *self, int result)
{
    struct koken_asked *asked = self->asked;
    KN_ASSERT(asked != NULL);
    self->asked = NULL;
    if (result == -ETIMEDOUT) {
        for (uint32_t i = 0; i < asked->count; i++) {
            struct entry *entry = &asked->entries[i];
            entry->error = entry->state == DONE ? entry->error : -ETIMEDOUT;
        }
    }
    if (koken_answer(self->caller, koken_answers, .asked = asked, .result = result) < 0) {
        free_asked(asked);
    }
    return STOP_ASKING;
}

static uint64_t time_left(const struct koken_asked *asked)
{
    uint64_t now = koken_now();
    uint64_t left = asked->timeout_ns == KOKEN_NO_DEADLINE ? KOKEN_NO_DEADLINE
                    : asked->deadline_ns > now             ? asked->deadline_ns - now
                                                           : 0;
    uint64_t each = asked->options.attempt_ns;
    return each && each < left ? each : left;
}

static int settled(koken_ctx *ctx, struct asker *self, uint32_t index, int error);

/* Asks, or fails to. 0, or what the handler is to return. */
static int ask(koken_ctx *ctx, struct asker *self, uint32_t index)
{
    struct entry *entry = &self->asked->entries[index];
    KN_ASSERT(entry->state == IDLE || entry->state == RESTING);
    entry->attempts++;
    int rc = koken_request_(ctx, entry->to, time_left(self->asked), entry->type, entry->payload);
    if (rc < 0) {
        return settled(ctx, self, index, rc);
    }
    entry->state = PENDING;
    entry->number = (uint32_t)rc;
    return 0;
}

/* Hedged: the next one's turn, and a timer for the one after it. */
static int ask_next(koken_ctx *ctx, struct asker *self)
{
    struct koken_asked *asked = self->asked;
    uint32_t i = 0;
    while (i < asked->count && asked->entries[i].state != IDLE) {
        i++;
    }
    if (i + 1 < asked->count && !koken_after(ctx, asked->options.hedge_ns, kn_await_hedge).id) {
        return -ENOMEM;
    }
    return i < asked->count ? ask(ctx, self, i) : 0;
}

/* Whether an error may be another one next time. */
static bool may_pass(int error)
{
    return error != -EINVAL && error != -ENOTSUP && error != -EPERM && error != -ESHUTDOWN &&
           error != -EDEADLK;
}

/* Comes back to an ask after its backoff, half of it by chance. False: no memory for the timer. */
static bool rest(koken_ctx *ctx, struct koken_asked *asked, uint32_t index)
{
    struct entry *entry = &asked->entries[index];
    const struct koken_await_options *o = &asked->options;
    uint32_t shift = entry->attempts - 1 < SHIFT_MAX ? entry->attempts - 1 : SHIFT_MAX;
    uint64_t delay =
        o->backoff_ns > o->backoff_ns_max >> shift ? o->backoff_ns_max : o->backoff_ns << shift;
    delay -= kn_random(&asked->chance) % (delay / 2 + 1);
    entry->state = RESTING;
    return koken_after(ctx, delay, kn_await_again, .index = index).id != 0;
}

/* An ask has its answer (error 0) or has failed. 0, or what the handler is to return. */
static int settled(koken_ctx *ctx, struct asker *self, uint32_t index, int error)
{
    struct koken_asked *asked = self->asked;
    struct entry *entry = &asked->entries[index];
    enum koken_await_rule rule = asked->options.rule;
    entry->number = 0;
    entry->error = error;
    if (error == -ETIMEDOUT && asked->timeout_ns != KOKEN_NO_DEADLINE &&
        koken_now() >= asked->deadline_ns) {
        return conclude(self,
                        -ETIMEDOUT); /* the request's time was the call's; it may be told first */
    }
    if (error < 0) {
        asked->last = error;
        if (entry->attempts < asked->options.attempts && may_pass(error) &&
            rest(ctx, asked, index)) {
            return 0;
        }
    }
    entry->state = DONE;
    asked->open--;
    if (rule == KOKEN_AWAIT_RACE || (rule == KOKEN_AWAIT_ANY && error == 0)) {
        return conclude(self, (int)index);
    }
    if (rule == KOKEN_AWAIT_ALL && error < 0) {
        return conclude(self, error);
    }
    if (asked->open == 0) {
        return conclude(self, rule == KOKEN_AWAIT_ANY ? asked->last : 0);
    }
    return asked->options.hedge_ns ? ask_next(ctx, self) : 0;
}

static int on_begin(koken_ctx *ctx, struct asker *self, const struct kn_await_begin *msg)
{
    struct koken_asked *asked = self->asked;
    (void)msg;
    if (!asked) {
        return 0; /* not from the calls below */
    }
    self->caller = koken_defer(ctx);
    if (!self->caller.number) {
        return -ENOMEM;
    }
    if (asked->timeout_ns != KOKEN_NO_DEADLINE) {
        uint64_t now = koken_now();
        asked->deadline_ns =
            asked->timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + asked->timeout_ns;
        if (!koken_after(ctx, asked->timeout_ns, kn_await_late).id) {
            return -ENOMEM;
        }
    }
    if (asked->options.hedge_ns) {
        return ask_next(ctx, self);
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < asked->count;
         i++) { /* over early: asking has no use then */
        rc = ask(ctx, self, i);
    }
    return rc;
}

/* An answer, whatever its type, or what the runtime says instead. */
static int on_answer(koken_ctx *ctx, struct asker *self, const void *payload)
{
    const struct koken_type *type = koken_message_type(ctx);
    uint32_t number = koken_request_number(ctx), i = 0;
    struct koken_asked *asked = self->asked;
    while (asked && number && i < asked->count && asked->entries[i].number != number) {
        i++;
    }
    if (!asked || !number || i == asked->count) {
        return 0; /* nobody asked for it */
    }
    struct entry *entry = &asked->entries[i];
    if (type == &koken_type_koken_failed) {
        const struct koken_failed *failed = payload;
        return settled(ctx, self, i, failed->error < 0 ? failed->error : -EPROTO);
    }
    if (type->drop) {
        return settled(ctx, self, i, -ENOTSUP); /* the runtime drops it */
    }
    entry->answer_type = type;
    memcpy(entry->answer, payload, type->size);
    return settled(ctx, self, i, 0);
}

static int on_again(koken_ctx *ctx, struct asker *self, const struct kn_await_again *msg)
{
    bool is_due = self->asked && msg->index < self->asked->count &&
                  self->asked->entries[msg->index].state == RESTING;
    return is_due ? ask(ctx, self, msg->index) : 0;
}

static int on_hedge(koken_ctx *ctx, struct asker *self, const struct kn_await_hedge *msg)
{
    (void)msg;
    return self->asked ? ask_next(ctx, self) : 0;
}

static int on_late(koken_ctx *ctx, struct asker *self, const struct kn_await_late *msg)
{
    (void)ctx;
    (void)msg;
    return self->asked ? conclude(self, -ETIMEDOUT) : 0;
}

static void on_exit(koken_ctx *ctx, struct asker *self, int reason)
{
    (void)ctx;
    (void)reason;
    free_asked(self->asked);
    self->asked = NULL;
}

KOKEN_AGENT(asker, struct asker, KOKEN_ON(kn_await_begin, on_begin),
            KOKEN_ON(kn_await_late, on_late), KOKEN_ON(kn_await_hedge, on_hedge),
            KOKEN_ON(kn_await_again, on_again), KOKEN_ANY(on_answer), KOKEN_EXIT(on_exit));

/* Hands the answers out. */
static int take_answers(const struct koken_answers *answers, struct koken_ask *asks)
{
    struct koken_asked *asked = answers->asked;
    int result = answers->result;
    for (uint32_t i = 0; i < asked->count; i++) {
        const struct entry *entry = &asked->entries[i];
        asks[i].error = entry->error;
        if (!entry->answer_type || !asks[i].ret_answer) {
            continue;
        }
        if (entry->answer_type->size == asks[i].answer_size) {
            memcpy(asks[i].ret_answer, entry->answer, asks[i].answer_size);
            continue;
        }
        asks[i].error = -EPROTO;
        bool decides = asked->options.rule == KOKEN_AWAIT_ALL ||
                       (asked->options.rule == KOKEN_AWAIT_ANY && result == (int)i);
        result = decides && result >= 0 ? -EPROTO : result;
    }
    free_asked(asked);
    return result;
}

int koken_await_many_rt_(struct koken *rt, struct koken_ask *asks, size_t count,
                         uint64_t timeout_ns, const struct koken_await_options *options)
{
    struct kn_local *local = kn_local_here();
    if (local) { /* a thread that is an agent's, or nobody's */
        return local->running
                   ? koken_await_many_ctx_(local->running, asks, count, timeout_ns, options)
                   : -ENOTSUP;
    }
    struct asker start = {0};
    struct koken_answers answers;
    koken_ref who;
    int rc = rt ? new_asked(asks, count, timeout_ns, options, &start.asked) : -EINVAL;
    if (rc < 0) {
        return rc;
    }
    rc = koken_try_spawn(rt, &who, asker, .arg = &start);
    if (rc < 0) {
        free_asked(start.asked);
        return rc;
    }
    rc = koken_await(rt, who, KOKEN_NO_DEADLINE, &answers, kn_await_begin);
    if (rc < 0) {
        kn_either_way(koken_exit(who)); /* it may not have heard of its beginning */
        return rc;
    }
    return take_answers(&answers, asks);
}

int koken_await_many_ctx_(koken_ctx *ctx, struct koken_ask *asks, size_t count, uint64_t timeout_ns,
                          const struct koken_await_options *options)
{
    struct asker start = {0};
    struct koken_answers answers;
    koken_ref who;
    if (!ctx || (!asks && count)) {
        return -EINVAL;
    }
    if (!(ctx->self->flags & KN_AGENT_FIBER)) {
        return -ENOTSUP;
    }
    for (size_t i = 0; i < count; i++) {
        if (koken_ref_equal(asks[i].to, koken_self(ctx))) {
            return -EDEADLK;
        }
    }
    int rc = new_asked(asks, count, timeout_ns, options, &start.asked);
    if (rc < 0) {
        return rc;
    }
    rc = koken_try_spawn(ctx, &who, asker, .arg = &start);
    if (rc < 0) {
        free_asked(start.asked);
        return rc;
    }
    rc = koken_await(ctx, who, KOKEN_NO_DEADLINE, &answers, kn_await_begin);
    if (rc < 0) {
        kn_either_way(koken_exit(who)); /* as above */
        return rc;
    }
    return take_answers(&answers, asks);
}

int koken_request_many(koken_ctx *ctx, const struct koken_ask *asks, size_t count,
                       uint64_t timeout_ns, const struct koken_await_options *options)
{
    struct asker start = {0};
    koken_ref who;
    if (!ctx) {
        return -EINVAL;
    }
    if (ctx->self->flags & KN_AGENT_FIBER) {
        return -ENOTSUP;
    }
    int rc = new_asked(asks, count, timeout_ns, options, &start.asked);
    if (rc < 0) {
        return rc;
    }
    rc = koken_try_spawn(ctx, &who, asker, .arg = &start);
    if (rc < 0) {
        free_asked(start.asked);
        return rc;
    }
    rc = koken_request(ctx, who, KOKEN_NO_DEADLINE, kn_await_begin);
    if (rc < 0) {
        kn_either_way(koken_exit(who));
    }
    return rc;
}

static const struct entry *entry_of(const struct koken_answers *answers, size_t index)
{
    bool is_there = answers && answers->asked && index < answers->asked->count;
    return is_there ? &answers->asked->entries[index] : NULL;
}

const void *koken_answer_of_(const struct koken_answers *answers, size_t index,
                             const struct koken_type *type)
{
    const struct entry *entry = entry_of(answers, index);
    return entry && entry->answer_type == type ? entry->answer : NULL;
}

int koken_answer_error(const struct koken_answers *answers, size_t index)
{
    const struct entry *entry = entry_of(answers, index);
    return entry ? entry->error : -EINVAL;
}
