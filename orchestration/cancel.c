/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of cancellation. One object is source and tokens, counted. What hangs on it is a list under its lock; the
 * one who cancels takes hook after hook off and calls it with no lock held. `running` names the hook that is being
 * called, so that who takes one down either finds it in the list, or waits for its call, or knows that it is over.
 *
 *      ACTIVE --first cancel--> REQUESTED --list empty--> CANCELLED      nothing is hung up after ACTIVE
 *
 * A child's hook on its parent does not cancel the child there and then, which would take stack for each generation: it
 * moves the child to REQUESTED and puts it, counted, behind the others that the wave will come to.
 */
#include "orchestration/cancel.h"

#include "actors/agent.h"
#include "actors/bell.h"
#include "sched/delay.h"
#include "sched/lock.h"

#include <errno.h>
#include <string.h>

enum state { ACTIVE, REQUESTED, CANCELLED };
enum { MAGIC = 0x4b4e4353, GONE = 0x676f6e65 };

/* What koken_source_after has under way. Two owners: the source, and the delay until it has called. */
struct deadline {
    struct kn_delay delay;
    kn_atomic(uint32_t) owners;
    kn_atomic(uint32_t) is_void; /* taken back, or replaced */
    struct koken_source *source; /* (c), counted by the delay's half */
};

struct parent {
    struct kn_hook hook;
    struct koken_source *source; /* (c) counted */
    struct koken_source *child;  /* (c) */
};

struct koken_source {
    uint32_t magic;             /* (c) until it is freed */
    kn_atomic(uint32_t) owners; /* (a) the source itself, tokens, hooks, a deadline, the wave */
    kn_atomic(uint32_t) state;  /* (a) written under lock */
    struct kn_lock lock;
    kn_atomic(uint32_t) turns;        /* (a) futex of those who wait for a call to end */
    uint32_t waiters;                 /* (m) lock */
    struct kn_list hooks;             /* (m) */
    struct kn_hook *running;          /* (m) being called */
    struct deadline *deadline;        /* (m) */
    struct koken_source *next;        /* of the wave that has it */
    struct koken *rt;                 /* (c) or NULL */
    enum koken_cancel_reason reason;  /* written before REQUESTED */
    char text[KOKEN_CANCEL_TEXT_MAX]; /* likewise */
    size_t parent_count;              /* (c) */
    struct parent parents[];          /* (c) but for the hooks */
};

/* Sources that are REQUESTED and whose hooks have not been called yet. */
struct kn_cancelling {
    struct koken_source *first, *last;
};

/* A call of a callback on this thread, innermost first: what koken_hook_end in it must not wait for. */
struct call {
    struct kn_hook *hook;
    struct call *outer;
};
static KN_TLS struct call *calls;
KN_TLS_SIMULATED(calls);

/* Public hooks. */
struct koken_hook {
    struct kn_hook hook;
    struct koken_source *source; /* counted, unless it is detached */
    void (*fn)(void *arg);
    void *arg;
    bool is_detached; /* nobody will end it: its call or its source frees it */
    bool is_ended;    /* in its own call */
};

/* ---- counting -------------------------------------------------------------------------------- */

bool kn_is_source(const struct koken_source *source)
{
    return source && source->magic == MAGIC;
}

static struct koken_source *keep(struct koken_source *source)
{
    uint32_t was = kn_add(&source->owners, 1, relaxed); /* relaxed: by one who has a share */
    KN_ASSERT(was > 0);
    (void)was;
    return source;
}

static size_t size_of(size_t parent_count)
{
    return sizeof(struct koken_source) + parent_count * sizeof(struct parent);
}

static void free_hook(struct koken_hook *hook)
{
    kn_free(hook, sizeof *hook, _Alignof(struct koken_hook));
}

static void drop(struct koken_source *source)
{
    /* [OC1] release: what this owner did; acquire: what the others did. */
    if (kn_sub(&source->owners, 1, acq_rel) != 1) {
        return;
    }
    KN_ASSERT(!source->running);
    KN_ASSERT(!source->deadline);
    while (!kn_list_is_empty(&source->hooks)) { /* only detached ones: the others count */
        struct koken_hook *hook = kn_container_of(source->hooks.next, struct koken_hook, hook.link);
        KN_ASSERT(hook->is_detached);
        kn_list_remove(&hook->hook.link);
        free_hook(hook);
    }
    source->magic = GONE;
    kn_free(source, size_of(source->parent_count), _Alignof(struct koken_source));
}

/* ---- hooks ----------------------------------------------------------------------------------- */

bool kn_source_hook(struct koken_source *source, struct kn_hook *hook)
{
    kn_lock(&source->lock);
    /* Relaxed: under the lock it is written with. */
    bool is_active = kn_load(&source->state, relaxed) == ACTIVE;
    hook->is_on = is_active;
    if (is_active) {
        kn_list_push_back(&source->hooks, &hook->link);
    }
    kn_unlock(&source->lock);
    return is_active;
}

static KN_NOINLINE bool is_called_here(const struct kn_hook *hook)
{
    const struct call *call = calls;
    while (call && call->hook != hook) { /* ends: as deep as callbacks are nested */
        call = call->outer;
    }
    return call != NULL;
}

enum kn_unhooked kn_source_unhook(struct koken_source *source, struct kn_hook *hook)
{
    enum kn_unhooked answer = KN_HOOK_RAN;
    kn_lock(&source->lock);
    if (hook->is_on) {
        hook->is_on = false;
        kn_list_remove(&hook->link);
        answer = KN_UNHOOKED;
    } else if (source->running == hook && is_called_here(hook)) {
        answer = KN_HOOK_HERE;
    }
    while (answer == KN_HOOK_RAN && source->running == hook) { /* ends: its fn returns */
        uint32_t seen = kn_load(&source->turns, relaxed);      /* relaxed: under the lock */
        source->waiters++;
        kn_unlock(&source->lock);
        (void)kn_futex_wait(&source->turns, seen, KN_NEVER);
        kn_lock(&source->lock);
        source->waiters--;
    }
    kn_unlock(&source->lock);
    return answer;
}

static KN_NOINLINE void call_hook(struct kn_hook *hook, struct kn_cancelling *wave)
{
    struct call call = {hook, calls};
    calls = &call;
    kn_callback_begin();
    hook->fn(hook, wave);
    kn_callback_end();
    calls = call.outer;
}

/* The hooks of one source, one after the other; then it is CANCELLED. */
static void call_hooks(struct koken_source *source, struct kn_cancelling *wave)
{
    kn_lock(&source->lock);
    while (!kn_list_is_empty(&source->hooks)) { /* ends: nothing is hung up any more */
        struct kn_hook *hook = kn_container_of(source->hooks.next, struct kn_hook, link);
        KN_ASSERT(hook->is_on);
        hook->is_on = false;
        kn_list_remove(&hook->link);
        source->running = hook;
        kn_unlock(&source->lock);
        call_hook(hook, wave); /* which may have freed it */
        kn_lock(&source->lock);
        source->running = NULL;
        if (source->waiters) {
            (void)kn_add(&source->turns, 1, relaxed); /* relaxed: under the lock */
            kn_futex_wake(&source->turns, UINT32_MAX);
        }
    }
    kn_store(&source->state, CANCELLED, release); /* [OC2] release: what the callbacks did */
    kn_unlock(&source->lock);
}

/* ---- cancelling ------------------------------------------------------------------------------ */

/* The first one wins, and has the source's deadline to end. */
static bool begin(struct koken_source *source, enum koken_cancel_reason reason, const char *text,
                  struct deadline **ret_deadline)
{
    kn_lock(&source->lock);
    bool is_first = kn_load(&source->state, relaxed) == ACTIVE; /* relaxed: under the lock */
    if (is_first) {
        source->reason = reason;
        if (text) {
            size_t length = strnlen(text, KOKEN_CANCEL_TEXT_MAX - 1);
            memcpy(source->text, text, length);
            source->text[length] = '\0';
        }
        *ret_deadline = source->deadline;
        source->deadline = NULL;
        kn_store(&source->state, REQUESTED, release); /* [OC2] release: reason and text */
    }
    kn_unlock(&source->lock);
    return is_first;
}

static void let_go(struct deadline *deadline)
{
    /* [OC3] acq_rel: both halves have done with it before the memory goes. */
    if (kn_sub(&deadline->owners, 1, acq_rel) == 1) {
        kn_free(deadline, sizeof *deadline, _Alignof(struct deadline));
    }
}

/* The source's half of a deadline. NULL: nothing. */
static void end_deadline(struct deadline *deadline)
{
    if (deadline) {
        kn_store(&deadline->is_void, 1,
                 relaxed); /* relaxed: if it is due just now, either is right */
        kn_delay_stop(&deadline->delay);
        let_go(deadline);
    }
}

static void enter_wave(struct kn_cancelling *wave, struct koken_source *take_source)
{
    take_source->next = NULL;
    if (wave->last) {
        wave->last->next = take_source;
    } else {
        wave->first = take_source;
    }
    wave->last = take_source;
}

static int cancel(struct koken_source *source, enum koken_cancel_reason reason, const char *text)
{
    struct kn_cancelling wave = {NULL, NULL};
    struct deadline *deadline = NULL;
    if (!begin(source, reason, text, &deadline)) {
        return -EALREADY;
    }
    end_deadline(deadline);
    enter_wave(&wave, keep(source));
    while (wave.first) { /* ends: each source is requested once */
        struct koken_source *next = wave.first;
        call_hooks(next, &wave);
        wave.first = next->next;
        if (!wave.first) {
            wave.last = NULL;
        }
        drop(next);
    }
    return 0;
}

/* A parent is cancelled. */
static void on_parent(struct kn_hook *hook, struct kn_cancelling *wave)
{
    struct parent *parent = kn_container_of(hook, struct parent, hook);
    struct deadline *deadline = NULL;
    struct koken_source *child = keep(parent->child);
    if (begin(child, KOKEN_CANCEL_PARENT, parent->source->text, &deadline)) {
        enter_wave(wave, child);
        end_deadline(deadline);
    } else {
        drop(child);
    }
}

static void on_deadline(struct kn_delay *delay, bool is_due)
{
    struct deadline *deadline = kn_container_of(delay, struct deadline, delay);
    struct koken_source *source = deadline->source;
    if (is_due && !kn_load(&deadline->is_void, relaxed)) { /* relaxed: as where it is set */
        (void)cancel(source, KOKEN_CANCEL_TIMEOUT, NULL);  /* cancelled just before: as well */
    }
    let_go(deadline);
    drop(source);
}

/* ---- the public side ------------------------------------------------------------------------- */

int koken_source_new(struct koken *rt, const koken_token *parents, size_t count,
                     struct koken_source **ret_source)
{
    if (!ret_source || (count && !parents) || count > SIZE_MAX / 2 / sizeof(struct parent)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (parents[i].source && !kn_is_source(parents[i].source)) {
            return -EINVAL;
        }
    }
    struct koken_source *source = kn_alloc(size_of(count), _Alignof(struct koken_source), -1);
    if (!source) {
        return -ENOMEM;
    }
    memset(source, 0, size_of(count));
    source->magic = MAGIC;
    source->rt = rt;
    source->parent_count = count;
    kn_atomic_init(&source->owners, 1);
    kn_list_init(&source->hooks);
    for (size_t i = 0; i < count; i++) {
        struct parent *parent = &source->parents[i];
        kn_list_init(&parent->hook.link);
        parent->hook.fn = on_parent;
        parent->child = source;
        if (parents[i].source) {
            parent->source = keep(parents[i].source);
            if (!kn_source_hook(parent->source, &parent->hook)) {
                (void)cancel(source, KOKEN_CANCEL_PARENT, parent->source->text); /* or by another */
            }
        }
    }
    *ret_source = source;
    return 0;
}

int koken_source_cancel(struct koken_source *source, enum koken_cancel_reason reason,
                        const char *text)
{
    if (!kn_is_source(source) || reason <= KOKEN_CANCEL_NONE || reason >= KOKEN_CANCEL_COUNT_) {
        return -EINVAL;
    }
    return cancel(source, reason, text);
}

int koken_source_after(struct koken_source *source, uint64_t delay_ns)
{
    struct deadline *deadline = NULL, *former;
    if (!kn_is_source(source)) {
        return -EINVAL;
    }
    if (!source->rt) {
        return -ENOTSUP;
    }
    if (koken_token_is_requested((koken_token){source})) {
        return -EALREADY;
    }
    if (delay_ns != KOKEN_NO_DEADLINE) {
        deadline = kn_alloc(sizeof *deadline, _Alignof(struct deadline), -1);
        if (!deadline) {
            return -ENOMEM;
        }
        deadline->source = keep(source);
        kn_atomic_init(&deadline->is_void, 0);
        kn_atomic_init(&deadline->owners, 2);
        kn_delay_start(source->rt->sched, &deadline->delay, kn_delay_deadline(delay_ns),
                       on_deadline);
    }
    kn_lock(&source->lock);
    former = deadline;
    if (kn_load(&source->state, relaxed) == ACTIVE) { /* relaxed: under the lock */
        former = source->deadline;
        source->deadline = deadline;
    }
    kn_unlock(&source->lock);
    end_deadline(former); /* its own, if it was due already */
    return 0;
}

void koken_source_free(struct koken_source *source)
{
    if (!source) {
        return;
    }
    KOKEN_CHECK(kn_is_source(source));
    kn_lock(&source->lock);
    struct deadline *deadline = source->deadline;
    source->deadline = NULL;
    kn_unlock(&source->lock);
    end_deadline(deadline);
    for (size_t i = 0; i < source->parent_count; i++) {
        struct parent *parent = &source->parents[i];
        if (parent->source) {
            (void)kn_source_unhook(parent->source, &parent->hook); /* either way it is off now */
            drop(parent->source);
        }
    }
    drop(source);
}

void koken_source_leave_(struct koken_source **source)
{
    if (*source) {
        (void)cancel(*source, KOKEN_CANCEL_SCOPE, NULL); /* or it has been, for another reason */
        koken_source_free(*source);
        *source = NULL;
    }
}

koken_token koken_source_token(struct koken_source *source)
{
    return koken_token_keep((koken_token){source});
}

koken_token koken_token_keep(koken_token token)
{
    return kn_is_source(token.source) ? (koken_token){keep(token.source)} : (koken_token){NULL};
}

void koken_token_drop(koken_token *token)
{
    struct koken_source *source = token ? token->source : NULL;
    if (token) {
        token->source = NULL;
    }
    if (kn_is_source(source)) {
        drop(source);
    }
}

static enum state state_of(koken_token token)
{
    /* [OC2] acquire: reason and text, and for CANCELLED what the callbacks did. */
    return token.source ? (enum state)kn_load(&token.source->state, acquire) : ACTIVE;
}

int koken_token_check(koken_token token)
{
    return state_of(token) == ACTIVE ? 0 : -ECANCELED;
}

bool koken_token_is_requested(koken_token token)
{
    return state_of(token) != ACTIVE;
}

bool koken_token_is_cancelled(koken_token token)
{
    return state_of(token) == CANCELLED;
}

enum koken_cancel_reason koken_token_reason(koken_token token)
{
    return state_of(token) == ACTIVE ? KOKEN_CANCEL_NONE : token.source->reason;
}

const char *koken_token_text(koken_token token)
{
    return state_of(token) == ACTIVE ? "" : token.source->text;
}

/* ---- public hooks ---------------------------------------------------------------------------- */

static void on_hook(struct kn_hook *base, struct kn_cancelling *wave)
{
    struct koken_hook *hook = kn_container_of(base, struct koken_hook, hook);
    (void)wave;
    hook->fn(hook->arg);
    if (hook->is_detached || hook->is_ended) {
        free_hook(hook);
    }
}

int koken_token_hook(koken_token token, void (*fn)(void *arg), void *arg,
                     struct koken_hook **ret_hook)
{
    if (!kn_is_source(token.source) || !fn) {
        return -EINVAL;
    }
    struct koken_hook *hook = kn_alloc(sizeof *hook, _Alignof(struct koken_hook), -1);
    if (!hook) {
        return -ENOMEM;
    }
    *hook = (struct koken_hook){.hook = {.fn = on_hook}, .fn = fn, .arg = arg};
    kn_list_init(&hook->hook.link);
    hook->is_detached = !ret_hook;
    hook->source = ret_hook ? keep(token.source) : token.source;
    if (ret_hook) {
        *ret_hook = hook; /* before fn can run, who may end it */
    }
    if (!kn_source_hook(token.source, &hook->hook)) {
        call_hook(&hook->hook, NULL);
    }
    return 0;
}

int koken_hook_end(struct koken_hook *hook)
{
    if (!hook) {
        return -EINVAL;
    }
    struct koken_source *source = hook->source;
    bool is_inside = is_called_here(&hook->hook);
    enum kn_unhooked how = is_inside ? KN_HOOK_HERE : kn_source_unhook(source, &hook->hook);
    KN_ASSERT(!hook->is_detached);
    if (how == KN_HOOK_HERE) {
        hook->is_ended = true;
    } else {
        free_hook(hook);
    }
    drop(source);
    return how == KN_UNHOOKED ? 0 : -EALREADY;
}
