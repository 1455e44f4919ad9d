/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous calls. A task is a fiber agent of one type, whose argument is its block. The body calls the function and notes
 * what it answered; the exit hook completes the future: it is called also for a fiber that was ended before it began,
 * or had no stack. A runtime that is killed calls no hooks; then the set's `ending` does it for all that are left.
 *
 *     run --spawn--> body: hook on, fn, hook off --exit hook--> finish: future, list, block
 *                                    \--kill--> ending -------/
 *
 * A cancellation ends the agent (koken_exit), so every wait that a fiber knows is interrupted. The hook hangs on
 * the task's source from within the body, so its agent has a name and lives; who is cancelled before looks at the token first.
 */
#include <koken/async.h>

#include "actors/agent.h"
#include "actors/fiber_agent.h"
#include "actors/pending.h"
#include "actors/request.h"
#include "base/list.h"
#include "orchestration/cancel.h"
#include "orchestration/either.h"
#include "orchestration/ender.h"
#include "orchestration/future.h"
#include "sched/lock.h"

#include <errno.h>
#include <string.h>

enum { MAGIC = 0x4b4e4153, GONE = 0x656e6f67 };

struct koken_async {
    uint32_t magic;
    kn_atomic(uint32_t) owners;   /* (a) the user, and each task */
    kn_atomic(struct koken *) rt; /* (a) NULL: it has ended [OA1] */
    struct kn_ending ending;
    struct koken_source *source; /* (c) */
    uint32_t tasks_max;          /* (c) */
    struct kn_lock lock;
    struct kn_list tasks;           /* (m) not ended */
    struct kn_list enders;          /* (m) who wants to know when there is none */
    struct koken_async_stats stats; /* (m) */
};

/* A task's block: first its maker's, then its fiber's, then the ending's. */
struct task {
    struct kn_list link;         /* (m) the set's lock */
    struct koken_async *async;   /* (c) counted */
    struct koken_future *future; /* its promise */
    struct koken_source *source; /* (c) its own, or that of the set */
    struct kn_hook hook;
    koken_ref self; /* from its beginning on */
    int (*fn)(koken_ctx *ctx, void *arg, void *ret_value);
    void *arg;
    size_t size; /* (c) of the block */
    int result;
    bool is_over; /* fn was called, or was not to be */
    bool is_hooked;
    unsigned char bytes[] KN_ALIGNED(16); /* the copy of arg */
};

/* ---- the set --------------------------------------------------------------------------------- */

static bool is_async(const struct koken_async *async)
{
    return async && async->magic == MAGIC;
}

static void drop(struct koken_async *async)
{
    /* [OA2] acq_rel: all have done with it before the memory goes. */
    if (kn_sub(&async->owners, 1, acq_rel) != 1) {
        return;
    }
    KN_ASSERT(kn_list_is_empty(&async->tasks));
    KN_ASSERT(kn_list_is_empty(&async->enders));
    bool is_outside = !kn_worker_current();
    if (is_outside) {
        kn_rcu_visit();
    }
    struct koken *rt = kn_load(&async->rt, acquire); /* [OA1] acquire */
    if (rt) {
        kn_ending_leave(rt, &async->ending);
    }
    if (is_outside) {
        kn_rcu_depart();
    }
    koken_source_free(async->source);
    async->magic = GONE;
    kn_free(async, sizeof *async, _Alignof(struct koken_async));
}

/* Tells those who want to know that no task is left. Called and left with the lock held. */
static void tell_enders(struct koken_async *async)
{
    while (kn_list_is_empty(&async->tasks) &&
           !kn_list_is_empty(&async->enders)) { /* ends: who comes now waits for new tasks */
        kn_ender_tell(&async->enders, &async->lock);
    }
}

/* ---- a task ---------------------------------------------------------------------------------- */

static void free_task(struct task *task)
{
    if (task->source != task->async->source) {
        koken_source_free(task->source);
    }
    drop(task->async);
    kn_free(task, task->size, _Alignof(struct task));
}

static void on_cancel(struct kn_hook *hook, struct kn_cancelling *wave)
{
    (void)wave;
    /* Without memory it is not told; it may still look at its token. */
    kn_either_way(koken_exit(kn_container_of(hook, struct task, hook)->self));
}

static void unhook(struct task *task)
{
    if (task->is_hooked) {
        task->is_hooked = false;
        (void)kn_source_unhook(task->source, &task->hook); /* in time or not: it is off now */
    }
}

/* It no longer counts against tasks_max, and in the numbers as what it came to. */
static void count_off(struct koken_async *async, int result)
{
    bool is_cancelled = result == -ECANCELED || result == -ESHUTDOWN;
    kn_lock(&async->lock);
    async->stats.alive--;
    async->stats.done += result == 0 ? 1 : 0;
    async->stats.cancelled += is_cancelled ? 1 : 0;
    async->stats.failed += result < 0 && !is_cancelled ? 1 : 0;
    kn_unlock(&async->lock);
}

/* The task is over. Who is told so finds room for another; who waits for the whole set is told after that. */
static void finish(struct task *task)
{
    struct koken_async *async = task->async;
    koken_token token = {task->source};
    bool is_late = task->result == -ECANCELED && koken_token_reason(token) == KOKEN_CANCEL_TIMEOUT;
    count_off(async, task->result);
    int rc = kn_future_complete(task->future, is_late ? -ETIMEDOUT : task->result, NULL);
    KN_ASSERT(rc == 0); /* nobody else has it */
    (void)rc;
    kn_lock(&async->lock);
    kn_list_remove(&task->link);
    tell_enders(async);
    kn_unlock(&async->lock);
    free_task(task);
}

static int body(koken_ctx *ctx, void *state, void *payload)
{
    struct task *task = payload;
    (void)state;
    task->self = koken_self(ctx);
    task->is_hooked = kn_source_hook(task->source, &task->hook);
    task->result = -ECANCELED;
    if (task->is_hooked) {
        int rc = task->fn(ctx, task->arg, task->future->value);
        task->result = rc < 0 ? rc : 0;
    }
    task->is_over = true;
    return 0; /* the error is the future's, not the agent's */
}

static int on_exit(koken_ctx *ctx, void *state, void *payload)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    struct task *task = (void *)(uintptr_t)f->arg;
    int reason = *(const int *)payload;
    (void)state;
    unhook(task);
    if (!task->is_over) { /* it never began */
        task->result = reason == -ENOMEM ? -ENOMEM : -ECANCELED;
    }
    finish(task);
    return 0;
}

static const struct koken_row rows[] = {
    {NULL, body, KOKEN_ROW_BODY},
    {NULL, on_exit, KOKEN_ROW_EXIT},
};

static const struct koken_agent_type task_type = {
    "koken.task", 1, 1, rows, sizeof rows / sizeof rows[0], 1, 0};

/* A share of a set that may be losing its last. */
static bool keep(struct koken_async *async)
{
    uint32_t owners =
        kn_load(&async->owners, relaxed); /* relaxed, all: one more does nothing yet */
    while (owners > 0 && !kn_cas_weak(&async->owners, &owners, owners + 1, relaxed, relaxed)) {
        /* ends: each failure is somebody's success */
    }
    return owners > 0;
}

/* The runtime has ended, and its fibers will not run again. */
static void end(struct kn_ending *ending, struct koken *rt)
{
    struct koken_async *async = kn_container_of(ending, struct koken_async, ending);
    KN_ASSERT(kn_load(&async->rt, relaxed) == rt); /* relaxed: set here alone */
    (void)rt;
    bool is_owned = keep(async);
    /* [OA1] release: it has been taken off. Without an owner that is the last look: who gave the last share back frees
     * it when it sees this, or has waited for the end in kn_ending_leave(). */
    kn_store(&async->rt, NULL, release);
    if (!is_owned) {
        return;
    }
    kn_either_way(koken_source_cancel(async->source, KOKEN_CANCEL_SHUTDOWN, NULL)); /* or before */
    while (!kn_list_is_empty(&async->tasks)) { /* ends: nothing is started any more */
        struct task *task = kn_container_of(async->tasks.next, struct task, link);
        unhook(task);
        task->result = -ESHUTDOWN;
        finish(task);
    }
    drop(async);
}

/* ---- the public side ------------------------------------------------------------------------- */

int koken_async_new(struct koken *rt, const struct koken_async_options *options,
                    struct koken_async **ret_async)
{
    static const struct koken_async_options none;
    const struct koken_async_options *o = options ? options : &none;
    if (!rt || !ret_async) {
        return -EINVAL;
    }
    struct koken_async *async = kn_alloc(sizeof *async, _Alignof(struct koken_async), -1);
    if (!async) {
        return -ENOMEM;
    }
    memset(async, 0, sizeof *async);
    int rc = koken_source_new(rt, &o->token, o->token.source ? 1 : 0, &async->source);
    if (rc == 0) {
        async->magic = MAGIC;
        async->tasks_max = o->tasks_max ? o->tasks_max : UINT32_MAX;
        kn_atomic_init(&async->owners, 1);
        kn_atomic_init(&async->rt, rt);
        kn_list_init(&async->tasks);
        kn_list_init(&async->enders);
        async->ending.end = end;
        rc = kn_ending_enter(rt, &async->ending) ? 0 : -ESHUTDOWN;
        if (rc == 0) {
            *ret_async = async;
            return 0;
        }
        koken_source_free(async->source);
    }
    kn_free(async, sizeof *async, _Alignof(struct koken_async));
    return rc;
}

void koken_async_free(struct koken_async *async)
{
    if (async) {
        KOKEN_CHECK(is_async(async));
        kn_either_way(koken_source_cancel(async->source, KOKEN_CANCEL_SCOPE, NULL)); /* or before */
        drop(async);
    }
}

/* The task's own source, if it can be cancelled by itself. Errors: those of sources. */
static int own_source(struct task *task, const struct koken_task *what)
{
    struct koken *rt = kn_load(&task->async->rt, relaxed); /* relaxed: the caller has looked */
    koken_token parents[] = {{task->async->source}, what->token};
    if (!what->token.source && !what->timeout_ns) {
        return 0;
    }
    int rc = koken_source_new(rt, parents, what->token.source ? 2 : 1, &task->source);
    if (rc < 0) {
        task->source = task->async->source;
    } else if (what->timeout_ns) {
        rc = koken_source_after(task->source, what->timeout_ns);
        rc = rc == -EALREADY ? 0 : rc; /* cancelled: it will see */
    }
    return rc;
}

/* A block that is in no list yet. */
static int task_new(struct koken_async *async, const struct koken_task *what,
                    struct task **ret_task)
{
    if (what->arg_size > UINT32_MAX || (what->arg_size && !what->arg)) {
        return -EINVAL;
    }
    size_t size = sizeof(struct task) + what->arg_size;
    struct task *task = kn_alloc(size, _Alignof(struct task), -1);
    struct koken_future *future = task ? kn_future_new(what->value_size) : NULL;
    if (!future) {
        kn_free(task, size, _Alignof(struct task));
        return -ENOMEM;
    }
    memset(task, 0, sizeof *task);
    memset(future->value, 0, what->value_size);
    (void)kn_add(&async->owners, 1, relaxed); /* relaxed: the caller has a share */
    task->async = async;
    task->future = future;
    task->source = async->source;
    task->size = size;
    task->hook.fn = on_cancel;
    task->fn = what->fn;
    task->arg = what->arg;
    if (what->arg_size) {
        memcpy(task->bytes, what->arg, what->arg_size);
        task->arg = task->bytes;
    }
    int rc = own_source(task, what);
    if (rc < 0) {
        koken_future_drop(future); /* both shares: */
        koken_future_drop(future);
        free_task(task);
        return rc;
    }
    *ret_task = task;
    return 0;
}

/* Into the set's list, if there is room. */
static int enter(struct koken_async *async, struct task *task)
{
    kn_lock(&async->lock);
    bool has_room = async->stats.alive < async->tasks_max;
    async->stats.refused += has_room ? 0 : 1;
    if (has_room) {
        async->stats.alive++;
        async->stats.started++;
        kn_list_push_back(&async->tasks, &task->link);
    }
    kn_unlock(&async->lock);
    return has_room ? 0 : -EAGAIN;
}

/* It could not be started after all. */
static void forget(struct koken_async *async, struct task *task)
{
    kn_lock(&async->lock);
    kn_list_remove(&task->link);
    async->stats.alive--;
    async->stats.started--;
    tell_enders(async);
    kn_unlock(&async->lock);
}

int koken_async_run(struct koken_async *async, const struct koken_task *task,
                    struct koken_future **ret_future)
{
    struct task *made;
    koken_ref self;
    if (!is_async(async) || !task || !task->fn) {
        return -EINVAL;
    }
    struct koken *rt =
        kn_load(&async->rt, relaxed); /* relaxed: a runtime that ends is noticed again */
    if (!rt) {
        return -ESHUTDOWN;
    }
    int rc = koken_token_check((koken_token){async->source});
    rc = rc < 0 ? rc : task_new(async, task, &made);
    if (rc < 0) {
        return rc;
    }
    struct koken_future *future = made->future; /* the caller's share */
    rc = enter(async, made);
    if (rc == 0) {
        struct koken_spawn_options options = {.arg = made, .priority = task->priority};
        rc = koken_try_spawn_rt_(rt, &task_type, &options, &self);
        if (rc < 0) {
            forget(async, made);
        }
    }
    if (rc < 0) {
        koken_future_drop(future); /* the promise's, then the caller's */
        koken_future_drop(future);
        free_task(made);
        return rc;
    }
    if (ret_future) {
        *ret_future = future;
    } else {
        koken_future_drop(future);
    }
    return 0;
}

koken_token koken_async_token(koken_ctx *ctx)
{
    struct kn_fiber_agent *f = kn_fiber_of(ctx);
    if (!f || kn_agent_behaviour(f->agent) != &task_type) {
        return (koken_token){NULL};
    }
    return koken_source_token(((const struct task *)f->arg)->source);
}

int koken_async_cancel(struct koken_async *async)
{
    return is_async(async) ? koken_source_cancel(async->source, KOKEN_CANCEL_USER, NULL) : -EINVAL;
}

int koken_async_end(struct koken_async *async, struct koken_future **ret_future)
{
    struct kn_ender *ender;
    int rc = is_async(async) && ret_future ? kn_ender_new(&ender, ret_future) : -EINVAL;
    if (rc == 0) {
        kn_lock(&async->lock);
        kn_list_push_back(&async->enders, &ender->link);
        tell_enders(async);
        kn_unlock(&async->lock);
    }
    return rc;
}

/* Whether the caller is a task of this set. */
static bool is_inside(const struct koken_async *async)
{
    struct kn_local *local = kn_local_here();
    const struct kn_fiber_agent *f = local && local->running ? kn_fiber_of(local->running) : NULL;
    return f && kn_agent_behaviour(f->agent) == &task_type &&
           ((const struct task *)f->arg)->async == async;
}

int koken_async_wait(struct koken_async *async, uint64_t timeout_ns)
{
    struct koken_future *end_of_all;
    if (!is_async(async)) {
        return -EINVAL;
    }
    if (is_inside(async)) {
        return -EDEADLK;
    }
    int rc = koken_async_end(async, &end_of_all);
    if (rc == 0) {
        rc = koken_future_join(end_of_all, timeout_ns);
        koken_future_drop(end_of_all);
    }
    return rc;
}

int koken_async_stats_get(struct koken_async *async, struct koken_async_stats *ret_stats)
{
    if (!is_async(async) || !ret_stats) {
        return -EINVAL;
    }
    kn_lock(&async->lock);
    *ret_stats = async->stats;
    kn_unlock(&async->lock);
    return 0;
}
