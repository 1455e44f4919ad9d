/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wave. Relays pass it on: one for each member that has others behind it in the tree of shortest ways, and, when
 * members are asked, one for each of them; so a relay waits for the answer of one member and the reports of the
 * relays it spawned. A member that is only told something, with nobody behind it, is told by the relay before it.
 *
 *     caller --go--> relay of the root --go--> relay --go--> ...
 *        <--back--          <--done--         <--done--
 *
 * What members answer lies in the wave, at the place of each, written by its relay before it reports; so it is read
 * by whoever has had that report, and there is neither a copy for each hop nor a limit on what a wave gathers.
 *
 * Every relay that asks sets its request the same end, so the reports come by themselves soon after, and no relay
 * needs a clock of its own. A relay whose caller has ended goes on, and its report reaches nobody. One that ends
 * without a report (it had no memory for it) is told of by the runtime; its members are counted as lost.
 */
#include <koken/wave.h>

#include "actors/request.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "orchestration/either.h"
#include "orchestration/topology.h"

#include <koken/time.h>

#include <errno.h>
#include <string.h>

enum { ANSWERED = 1 }; /* outcome of a member; 0: not yet, or it was not asked; < 0: why not */

struct koken_wave {
    kn_atomic(uint32_t) owners; /* (a) relays, and who called */
    size_t size; /* (c) of this allocation, as what has no letter until relays report */
    struct koken_view *view;
    struct koken_wave_options options;
    const struct koken_type *type; /* of what is sent */
    uint64_t deadline_ns;
    bool is_asking;
    uint32_t root;
    const unsigned char *payload; /* what is sent, to each or one for each */
    uint32_t payload_step;        /* 0 or its size */
    uint32_t *order, *parent, *depth, *first, *behind;
    kn_atomic(int32_t) *outcome;                      /* (a) by position */
    kn_atomic(const struct koken_type *) answer_type; /* (a) of the first answer */
    unsigned char *answers;                           /* KOKEN_PAYLOAD_MAX each */
    struct koken_wave_report report;                  /* written when the root's relay is done */
};

KOKEN_EVENT(kn_wave_go);

/* The answer to it. */
KOKEN_MESSAGE(kn_wave_done, { struct koken_wave_report report; });

struct relay {
    struct koken_wave *wave;
    koken_claim caller; /* the relay before, or who waits for the wave */
    uint32_t position, pending;
    uint32_t asked; /* number of the request to the member */
    struct koken_wave_report report;
};

static void wave_drop(struct koken_wave *wave)
{
    /* [OW1] release: what this owner did; acquire: what the others did, before the memory goes. */
    if (wave && kn_sub(&wave->owners, 1, acq_rel) == 1) {
        koken_view_close(wave->view);
        kn_free(wave, wave->size, 64);
    }
}

void koken_wave_free(struct koken_wave *wave)
{
    wave_drop(wave);
}

void koken_wave_back_drop_(void *payload)
{
    struct koken_wave_back *back = payload;
    wave_drop(back->wave);
    back->wave = NULL;
}

/* ---- members --------------------------------------------------------------------------------------- */

static const void *payload_of(const struct koken_wave *wave, uint32_t position)
{
    return wave->payload + (size_t)wave->payload_step * position;
}

static void *answer_of(const struct koken_wave *wave, uint32_t position)
{
    return wave->answers + (size_t)KOKEN_PAYLOAD_MAX * position;
}

static int32_t outcome_of(const struct koken_wave *wave, uint32_t position)
{
    /* [OW2] acquire: the answer. Pairs with settle(). */
    return kn_load(&wave->outcome[position], acquire);
}

static void settle(struct koken_wave *wave, uint32_t position, int32_t outcome)
{
    /* [OW2] release: the answer, for who reads while others are at work still. */
    kn_store(&wave->outcome[position], outcome, release);
}

/* What is neither of these is counted as lost, at the end. */
static void count_sent(struct koken_wave_report *report, int rc)
{
    report->accepted += rc >= 0;
    report->full += rc == -EAGAIN || rc == -EDEADLK;
    report->dead += rc == -ESRCH || rc == -ESHUTDOWN;
}

static void tell_member(struct relay *self, uint32_t position)
{
    struct koken_wave *wave = self->wave;
    int rc = koken_signal_(wave->view->members[position], wave->type, payload_of(wave, position));
    count_sent(&self->report, rc);
    if (wave->depth[position] > self->report.hops) {
        self->report.hops = wave->depth[position];
    }
}

static void fail_member(struct relay *self, int error)
{
    KN_ASSERT(error < 0);
    settle(self->wave, self->position, error);
    self->report.failed++;
}

static void ask_member(koken_ctx *ctx, struct relay *self)
{
    struct koken_wave *wave = self->wave;
    uint64_t now = koken_now(), left_ns = KOKEN_NO_DEADLINE;
    if (wave->deadline_ns != KOKEN_NO_DEADLINE) {
        left_ns = wave->deadline_ns > now ? wave->deadline_ns - now : 1;
    }
    self->report.hops = wave->depth[self->position];
    int rc = koken_request_(ctx, wave->view->members[self->position], left_ns, wave->type,
                            payload_of(wave, self->position));
    if (rc < 0) {
        fail_member(self, rc);
    } else {
        self->asked = (uint32_t)rc;
        self->pending++;
    }
}

/* The answers of one wave are of one type: that of the first. */
static bool is_expected(struct koken_wave *wave, const struct koken_type *type)
{
    const struct koken_type *first = NULL;
    /* Relaxed: types are constants. */
    bool is_first = kn_cas_strong(&wave->answer_type, &first, type, relaxed, relaxed);
    return is_first || first == type;
}

/* ---- relays ---------------------------------------------------------------------------------------- */

static int on_go(koken_ctx *ctx, struct relay *self, const struct kn_wave_go *msg);
static int on_done(koken_ctx *ctx, struct relay *self, const struct kn_wave_done *msg);
static int on_answer(koken_ctx *ctx, struct relay *self, const void *payload);

static void on_exit(koken_ctx *ctx, struct relay *self, int reason)
{
    (void)ctx;
    (void)reason;
    wave_drop(self->wave);
    self->wave = NULL;
}

KOKEN_AGENT(relay, struct relay, KOKEN_ON(kn_wave_go, on_go), KOKEN_ON(kn_wave_done, on_done),
            KOKEN_ANY(on_answer), KOKEN_EXIT(on_exit));

static void add_report(struct koken_wave_report *sum, const struct koken_wave_report *report)
{
    sum->asked += report->asked;
    sum->failed += report->failed;
    sum->accepted += report->accepted;
    sum->full += report->full;
    sum->dead += report->dead;
    sum->hops = report->hops > sum->hops ? report->hops : sum->hops;
}

/* Those behind a member are at order[first] to order[first + behind - 1]: neighbours of one come together. */
static bool is_leaf(const struct koken_wave *wave, uint32_t position)
{
    return wave->behind[position] == 0;
}

static void pass_on(koken_ctx *ctx, struct relay *self, uint32_t position)
{
    struct relay next = {.wave = self->wave, .position = position};
    koken_ref who;
    (void)kn_add(&self->wave->owners, 1, relaxed); /* relaxed: we own a share */
    if (koken_try_spawn(ctx, &who, relay, .arg = &next) < 0) {
        wave_drop(self->wave);
    } else if (koken_request(ctx, who, KOKEN_NO_DEADLINE, kn_wave_go) < 0) {
        kn_either_way(koken_exit(who));
    } else {
        self->pending++;
    }
}

/* What was answered behind this member joins what it answered itself. */
static void fold(struct relay *self)
{
    struct koken_wave *wave = self->wave;
    uint32_t here = self->position, first = wave->first[here];
    for (uint32_t i = first; i < first + wave->behind[here]; i++) {
        uint32_t other = wave->order[i];
        if (outcome_of(wave, other) != ANSWERED) {
            continue;
        }
        if (outcome_of(wave, here) == ANSWERED) {
            wave->options.fold(wave->options.fold_arg, answer_of(wave, here),
                               answer_of(wave, other));
        } else {
            memcpy(answer_of(wave, here), answer_of(wave, other), KOKEN_PAYLOAD_MAX);
            settle(wave, here, ANSWERED);
        }
    }
}

static void set_going(koken_ctx *ctx, struct relay *self)
{
    const struct koken_wave *wave = self->wave;
    uint32_t here = self->position, first = wave->first[here];
    if (wave->is_asking) {
        ask_member(ctx, self);
    } else {
        tell_member(self, here);
    }
    for (uint32_t i = first; i < first + wave->behind[here]; i++) {
        uint32_t next = wave->order[i];
        if (!wave->is_asking && is_leaf(wave, next)) {
            tell_member(self, next);
        } else {
            pass_on(ctx, self, next);
        }
    }
}

/* The second half of an all-reduce: what was folded goes to all. Nobody but the root's relay is left. */
static bool turn_round(koken_ctx *ctx, struct relay *self)
{
    struct koken_wave *wave = self->wave;
    if (wave->options.kind != KOKEN_WAVE_ALL_REDUCE || !wave->is_asking ||
        outcome_of(wave, self->position) != ANSWERED) {
        return false;
    }
    wave->is_asking = false;
    wave->type = kn_load(&wave->answer_type, relaxed); /* relaxed: a constant */
    wave->payload = answer_of(wave, self->position);
    wave->payload_step = 0;
    set_going(ctx, self);
    return true;
}

/* The wave is over: whoever called gets it. */
static int conclude(struct relay *self)
{
    struct koken_wave *wave = self->wave;
    struct koken_wave_report *report = &self->report;
    uint32_t known = wave->is_asking ? report->asked + report->failed
                                     : report->accepted + report->full + report->dead;
    KN_ASSERT(known <= wave->view->count);
    report->members = wave->view->count;
    report->lost = wave->view->count - known;
    wave->report = *report;
    (void)kn_add(&wave->owners, 1, relaxed); /* relaxed: we own a share */
    if (koken_answer(self->caller, koken_wave_back, .wave = wave) < 0) {
        wave_drop(wave);
    }
    return KOKEN_STOP;
}

static int look(koken_ctx *ctx, struct relay *self)
{
    struct koken_wave *wave = self->wave;
    if (self->pending > 0) {
        return 0;
    }
    if (wave->is_asking && wave->options.kind != KOKEN_WAVE_GATHER) {
        fold(self);
    }
    if (self->position == wave->root) {
        bool has_turned = turn_round(ctx, self);
        return has_turned && self->pending > 0 ? 0 : conclude(self);
    }
    int rc = koken_answer(self->caller, kn_wave_done, .report = self->report);
    return rc < 0 ? rc : KOKEN_STOP;
}

static int on_go(koken_ctx *ctx, struct relay *self, const struct kn_wave_go *msg)
{
    (void)msg;
    self->caller = koken_defer(ctx);
    if (!self->caller.number) {
        return -ENOMEM;
    }
    set_going(ctx, self);
    return look(ctx, self);
}

static int on_done(koken_ctx *ctx, struct relay *self, const struct kn_wave_done *msg)
{
    KN_ASSERT(self->pending > 0);
    self->pending--;
    add_report(&self->report, &msg->report);
    return look(ctx, self);
}

static int on_answer(koken_ctx *ctx, struct relay *self, const void *payload)
{
    struct koken_wave *wave = self->wave;
    const struct koken_type *type = koken_message_type(ctx);
    uint32_t request = koken_request_number(ctx);
    if (request == 0) {
        return 0; /* nobody asked for it */
    }
    KN_ASSERT(self->pending > 0);
    self->pending--;
    if (request != self->asked) {
        return look(ctx, self); /* a relay that has ended without a report */
    }
    if (type == &koken_type_koken_failed) {
        const struct koken_failed *failed = payload;
        fail_member(self, failed->error < 0 ? failed->error : -EPROTO);
    } else if (type->drop || !is_expected(wave, type)) {
        fail_member(self, -EPROTO);
    } else {
        memcpy(answer_of(wave, self->position), payload, type->size);
        settle(wave, self->position, ANSWERED);
        self->report.asked++;
    }
    return look(ctx, self);
}

/* ---- beginning ------------------------------------------------------------------------------------- */

static bool is_asking(enum koken_wave_kind kind)
{
    return kind == KOKEN_WAVE_GATHER || kind == KOKEN_WAVE_REDUCE || kind == KOKEN_WAVE_ALL_REDUCE;
}

static int check(const struct koken_wave_call *call, struct koken_wave_options *ret_options)
{
    const struct koken_wave_options *o = call->options;
    *ret_options = o ? *o : (struct koken_wave_options){0};
    if (!call->view || !call->type || !call->payload ||
        (o && o->struct_size != 0 && o->struct_size != sizeof *o) ||
        (unsigned)ret_options->kind >= KOKEN_WAVE_KIND_COUNT_) {
        return -EINVAL;
    }
    bool is_folding = is_asking(ret_options->kind) && ret_options->kind != KOKEN_WAVE_GATHER;
    if ((is_folding && !ret_options->fold) ||
        (ret_options->kind == KOKEN_WAVE_SCATTER && !ret_options->parts && call->view->count)) {
        return -EINVAL;
    }
    if (call->type->drop) {
        return -ENOTSUP;
    }
    if (koken_is_nobody(ret_options->root)) {
        ret_options->root = koken_view_member(call->view, 0);
    }
    return kn_view_position(call->view, ret_options->root) < 0 ? -ESRCH : 0;
}

/* Cuts the allocation into its arrays: the most aligned first. */
static struct koken_wave *wave_alloc(const struct koken_wave_call *call,
                                     const struct koken_wave_options *o)
{
    size_t n = call->view->count, head = kn_align_up(sizeof(struct koken_wave), 64);
    size_t answers = is_asking(o->kind) ? n * KOKEN_PAYLOAD_MAX : 0;
    size_t sent =
        kn_align_up(o->kind == KOKEN_WAVE_SCATTER ? n * call->type->size : KOKEN_PAYLOAD_MAX, 32);
    size_t size = kn_align_up(head + answers + sent + n * 6 * sizeof(uint32_t), 64);
    unsigned char *memory = kn_alloc(size, 64, /* node= */ -1);
    if (!memory) {
        return NULL;
    }
    struct koken_wave *wave = (struct koken_wave *)(void *)memory;
    *wave = (struct koken_wave){.size = size, .options = *o, .type = call->type};
    wave->answers = memory + head;
    wave->payload = wave->answers + answers;
    wave->order = (uint32_t *)(void *)(wave->answers + answers + sent);
    wave->parent = wave->order + n;
    wave->depth = wave->parent + n;
    wave->first = wave->depth + n;
    wave->behind = wave->first + n;
    wave->outcome = (kn_atomic(int32_t) *)(void *)(wave->behind + n);
    memset(wave->order, 0, n * 6 * sizeof(uint32_t));
    return wave;
}

static void write_payload(struct koken_wave *wave, const void *payload)
{
    size_t size = wave->type->size;
    if (wave->options.kind == KOKEN_WAVE_SCATTER) {
        payload = wave->options.parts;
        wave->payload_step = wave->type->size;
        size *= wave->view->count;
        wave->options.parts = NULL; /* not ours */
    }
    if (size > 0) {
        memcpy((void *)(uintptr_t)wave->payload, payload, size);
    }
}

/* Those behind each member: the tree is in the order of its rows, so they lie together. */
static void write_behind(struct koken_wave *wave)
{
    for (uint32_t i = wave->view->count; i-- > 1;) {
        uint32_t before = wave->parent[wave->order[i]];
        wave->first[before] = i;
        wave->behind[before]++;
    }
}

/* Errors: as koken_wave. */
static int wave_new(const struct koken_wave_call *call, struct koken_wave **ret_wave)
{
    struct koken_wave_options o;
    int rc = check(call, &o);
    if (rc < 0) {
        return rc;
    }
    struct koken_wave *wave = wave_alloc(call, &o);
    if (!wave) {
        return -ENOMEM;
    }
    kn_atomic_init(&wave->owners, 1);
    kn_atomic_init(&wave->answer_type, NULL);
    wave->view = kn_view_ref(call->view);
    wave->is_asking = is_asking(o.kind);
    wave->root = (uint32_t)kn_view_position(call->view, o.root);
    uint64_t now = koken_now();
    bool is_endless = o.timeout_ns == 0 || o.timeout_ns > UINT64_MAX - now;
    wave->deadline_ns = is_endless ? KOKEN_NO_DEADLINE : now + o.timeout_ns;
    write_payload(wave, call->payload);
    kn_view_tree(wave->view, wave->root, wave->order, wave->parent, wave->depth);
    write_behind(wave);
    *ret_wave = wave;
    return 0;
}

int koken_wave_rt_(struct koken *rt, struct koken_wave_call call, struct koken_wave **ret_wave)
{
    struct kn_local *local = kn_local_here();
    if (local) { /* a thread that is an agent's, or nobody's */
        return local->running ? koken_wave_ctx_(local->running, call, ret_wave) : -ENOTSUP;
    }
    struct relay first = {0};
    struct koken_wave_back back;
    koken_ref who;
    int rc = rt && ret_wave ? wave_new(&call, &first.wave) : -EINVAL;
    if (rc < 0) {
        return rc;
    }
    first.position = first.wave->root;
    rc = koken_try_spawn(rt, &who, relay, .arg = &first);
    if (rc < 0) {
        wave_drop(first.wave);
        return rc;
    }
    rc = koken_await(rt, who, KOKEN_NO_DEADLINE, &back, kn_wave_go);
    if (rc < 0) {
        kn_either_way(koken_exit(who)); /* it may not have heard of its beginning */
        return rc;
    }
    *ret_wave = back.wave;
    return 0;
}

int koken_wave_ctx_(koken_ctx *ctx, struct koken_wave_call call, struct koken_wave **ret_wave)
{
    struct relay first = {0};
    struct koken_wave_back back;
    koken_ref who;
    if (!ctx || !ret_wave) {
        return -EINVAL;
    }
    if (!(ctx->self->flags & KN_AGENT_FIBER)) {
        return -ENOTSUP;
    }
    int rc = wave_new(&call, &first.wave);
    if (rc < 0) {
        return rc;
    }
    first.position = first.wave->root;
    rc = first.wave->is_asking && kn_view_position(call.view, koken_self(ctx)) >= 0 ? -EDEADLK : 0;
    rc = rc < 0 ? rc : koken_try_spawn(ctx, &who, relay, .arg = &first);
    if (rc < 0) {
        wave_drop(first.wave);
        return rc;
    }
    rc = koken_await(ctx, who, KOKEN_NO_DEADLINE, &back, kn_wave_go);
    if (rc < 0) {
        kn_either_way(koken_exit(who)); /* as above */
        return rc;
    }
    *ret_wave = back.wave;
    return 0;
}

int koken_wave_request_(koken_ctx *ctx, struct koken_wave_call call)
{
    struct relay first = {0};
    koken_ref who;
    if (!ctx) {
        return -EINVAL;
    }
    if (ctx->self->flags & KN_AGENT_FIBER) {
        return -ENOTSUP;
    }
    int rc = wave_new(&call, &first.wave);
    if (rc < 0) {
        return rc;
    }
    first.position = first.wave->root;
    rc = koken_try_spawn(ctx, &who, relay, .arg = &first);
    if (rc < 0) {
        wave_drop(first.wave);
        return rc;
    }
    rc = koken_request(ctx, who, KOKEN_NO_DEADLINE, kn_wave_go);
    if (rc < 0) {
        kn_either_way(koken_exit(who));
    }
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------------- */

struct koken_wave_report koken_wave_report(const struct koken_wave *wave)
{
    return wave->report;
}

const struct koken_type *koken_wave_type(const struct koken_wave *wave)
{
    return kn_load(&wave->answer_type, relaxed); /* relaxed: a constant */
}

const void *koken_wave_answer(const struct koken_wave *wave, size_t index, int *ret_error)
{
    int32_t outcome = -EINVAL;
    if (wave->options.kind == KOKEN_WAVE_GATHER && index < wave->view->count) {
        outcome = outcome_of(wave, (uint32_t)index);
        outcome = outcome == 0 ? -ENOMEM : outcome; /* nobody could be had to ask it */
    }
    if (ret_error) {
        *ret_error = outcome == ANSWERED ? 0 : outcome;
    }
    return outcome == ANSWERED ? answer_of(wave, (uint32_t)index) : NULL;
}

const void *koken_wave_result(const struct koken_wave *wave)
{
    bool is_folded = is_asking(wave->options.kind) && wave->options.kind != KOKEN_WAVE_GATHER;
    return is_folded && outcome_of(wave, wave->root) == ANSWERED ? answer_of(wave, wave->root)
                                                                 : NULL;
}
