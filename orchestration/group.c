/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks of groups. They wait in a list under the group's lock, and are worked off by runners (errands, at most max_threads) and by
 * those who wait for the group.
 *
 * Tasks in the list are worked off: whoever puts one in sends a runner out unless max_threads are out; a runner that comes in
 * and finds max_threads running goes again, but then each of these looks at the list once more, under the lock, before it stops.
 * Who waits runs tasks only while fewer than max_threads do.
 */
#include "orchestration/group.h"

#include "actors/agent.h"
#include "actors/bell.h"
#include "actors/fiber_agent.h"
#include "actors/request.h"
#include "orchestration/either.h"
#include "sched/delay.h"

#include <errno.h>
#include <string.h>

enum { MAGIC = 0x4b4e4752, GONE = 0x6e6f6765 };

struct kn_task {
    struct kn_task *next;
    int (*fn)(void *arg);
    void *arg;
    struct kn_account *account; /* or NULL */
};

struct ender {
    struct kn_list link;
    koken_promise promise;
};

/* The tasks that this thread is in, innermost first. */
struct inside {
    const struct koken_group *group;
    struct inside *outer;
};
static KN_TLS struct inside *inside_here;
KN_TLS_SIMULATED(inside_here);

/* ---- the group ------------------------------------------------------------------------------- */

static size_t size_of(unsigned max_threads)
{
    return sizeof(struct koken_group) + max_threads * sizeof(struct kn_runner);
}

bool kn_is_group(const struct koken_group *group)
{
    return group && group->magic == MAGIC;
}

struct koken_group *kn_group_keep(struct koken_group *group)
{
    (void)kn_add(&group->owners, 1, relaxed); /* relaxed: by one who has a share */
    return group;
}

void kn_group_drop(struct koken_group *group)
{
    /* [OG2] acq_rel: all have done with it before the memory goes. */
    if (kn_sub(&group->owners, 1, acq_rel) == 1) {
        KN_ASSERT(group->pending == 0);
        KN_ASSERT(kn_list_is_empty(&group->enders));
        KN_ASSERT(kn_list_is_empty(&group->any_enders));
        KN_ASSERT(kn_list_is_empty(&group->accounts));
        while (!kn_list_is_empty(&group->ended)) { /* ends: nobody puts anything in */
            struct kn_account *account =
                kn_container_of(group->ended.next, struct kn_account, link);
            kn_list_remove(&account->link);
            kn_free(account, sizeof *account, _Alignof(struct kn_account));
        }
        koken_source_free(group->source);
        group->magic = GONE;
        kn_free(group, size_of(group->max_threads), _Alignof(struct koken_group));
    }
}

void kn_group_fail(struct koken_group *group, int error)
{
    int none = 0;
    KN_ASSERT(error < 0);
    /* Relaxed, both: read after an end, which orders it. */
    if (kn_cas_strong(&group->error, &none, error, relaxed, relaxed) && !group->keep_going) {
        kn_either_way(
            koken_source_cancel(group->source, KOKEN_CANCEL_ERROR, NULL)); /* or it was before */
    }
}

int kn_group_check(struct koken_group *group)
{
    return koken_token_check((koken_token){group->source});
}

static int error_of(struct koken_group *group)
{
    return kn_load(&group->error, relaxed); /* relaxed: as where it is set */
}

/* ---- running --------------------------------------------------------------------------------- */

static KN_NOINLINE int call_task(struct koken_group *group, const struct kn_task *task)
{
    struct inside inside = {group, inside_here};
    int rc = kn_group_check(group);
    if (rc == 0) {
        inside_here = &inside;
        rc = task->fn(task->arg);
        inside_here = inside.outer;
    }
    return rc;
}

static KN_NOINLINE bool is_inside(const struct koken_group *group)
{
    const struct inside *inside = inside_here;
    while (inside && inside->group != group) { /* ends: as deep as groups are nested */
        inside = inside->outer;
    }
    return inside != NULL;
}

/* Tells the first of those in a list. Called and left with the lock held. */
static void tell_one(struct koken_group *group, struct kn_list *enders, int error)
{
    struct ender *ender = kn_container_of(enders->next, struct ender, link);
    kn_list_remove(&ender->link);
    kn_unlock(&group->lock);
    int rc = error < 0 ? koken_promise_fail(&ender->promise, error)
                       : koken_promise_done(&ender->promise);
    KN_ASSERT(rc == 0);
    (void)rc;
    kn_free(ender, sizeof *ender, _Alignof(struct ender));
    kn_lock(&group->lock);
}

/* The last task has ended: tells those who want to know. Called and left with the lock held. */
static void tell_enders(struct koken_group *group)
{
    while (group->pending == 0 &&
           !kn_list_is_empty(&group->enders)) { /* ends: who comes now waits for new tasks */
        tell_one(group, &group->enders, error_of(group));
    }
}

/* One that has an account has ended: the same. Who has waited for one that another takes meanwhile waits for the next. */
static void tell_any_enders(struct koken_group *group)
{
    while (!kn_list_is_empty(&group->any_enders) &&
           (!kn_list_is_empty(&group->ended) ||
            kn_list_is_empty(&group->accounts))) { /* ends: who comes now does not enter the list */
        tell_one(group, &group->any_enders, 0);
    }
}

/* Moves an account on to a state, and enters how long it was in the last one. With the lock held. */
static void enter_state(struct koken_group *group, struct kn_account *account,
                        enum koken_group_task_state state, int error)
{
    uint64_t now = kn_now(), passed = now > account->at_ns ? now - account->at_ns : 0;
    bool has_run = account->told.state == KOKEN_GROUP_TASK_RUNS;
    *(has_run ? &account->told.ran_ns : &account->told.waited_ns) = passed;
    account->at_ns = now;
    account->told.state = state;
    account->told.error = error;
    if (state > KOKEN_GROUP_TASK_RUNS) {
        kn_list_remove(&account->link);
        kn_list_push_back(&group->ended, &account->link);
        tell_any_enders(group);
    }
}

/* Counts a task that has ended with rc. Called and left with the lock held. */
static void count_end(struct koken_group *group, struct kn_account *account, int rc)
{
    enum koken_group_task_state state = rc >= 0            ? KOKEN_GROUP_TASK_DONE
                                        : rc == -ECANCELED ? KOKEN_GROUP_TASK_CANCELLED
                                                           : KOKEN_GROUP_TASK_FAILED;
    group->done += state == KOKEN_GROUP_TASK_DONE;
    group->failed += state == KOKEN_GROUP_TASK_FAILED;
    group->cancelled += state == KOKEN_GROUP_TASK_CANCELLED;
    if (account) {
        enter_state(group, account, state, rc < 0 ? rc : 0);
    }
}

/* Works off tasks while there are any; for_any: and none has ended with an account. Called and left with the lock held. */
static void work(struct koken_group *group, const struct kn_worker *worker, uint64_t deadline_ns,
                 bool for_any)
{
    bool goes_on = group->running < group->max_threads;
    group->running += goes_on ? 1 : 0;
    while (goes_on && group->first &&
           !(for_any && !kn_list_is_empty(&group->ended))) { /* ends: no task, or others' turn */
        struct kn_task *task = group->first;
        struct kn_account *account = task->account;
        group->first = task->next;
        if (account) {
            enter_state(group, account, KOKEN_GROUP_TASK_RUNS, 0);
        }
        kn_unlock(&group->lock);
        int rc = call_task(group, task);
        kn_free(task, sizeof *task, _Alignof(struct kn_task));
        if (rc < 0) {
            kn_group_fail(group, rc);
        }
        kn_lock(&group->lock);
        group->pending--; /* before anybody is told, who may look at the counts */
        count_end(group, account, rc);
        tell_enders(group);
        if ((worker && kn_load(&worker->nudge, relaxed)) || /* relaxed: a hint */
            (deadline_ns != KN_NEVER && kn_now() >= deadline_ns)) {
            break;
        }
    }
    group->running -= goes_on ? 1 : 0;
}

/* Sends out one more runner if there is something to do for it. Called with the lock held. */
static struct kn_runner *next_runner(struct koken_group *group)
{
    for (unsigned i = 0; group->first && i < group->max_threads; i++) {
        if (!group->runners[i].is_out) {
            group->runners[i].is_out = true;
            (void)kn_group_keep(group);
            return &group->runners[i];
        }
    }
    return NULL;
}

static void post(struct koken_group *group, struct kn_runner *runner)
{
    if (runner) {
        kn_errand_post(group->rt->sched, &runner->errand, group->prio);
    }
}

static void run_errand(struct kn_errand *errand, struct kn_worker *worker)
{
    struct kn_runner *runner = kn_container_of(errand, struct kn_runner, errand);
    struct koken_group *group = runner->group;
    if (!worker) {
        kn_group_fail(group, -ESHUTDOWN); /* the runtime has ended: nothing begins any more */
        kn_either_way(koken_source_cancel(group->source, KOKEN_CANCEL_SHUTDOWN,
                                          NULL)); /* keep_going or not */
    }
    kn_lock(&group->lock);
    work(group, worker, KN_NEVER, /* for_any= */ false);
    runner->is_out = false;
    struct kn_runner *next = group->running < group->max_threads ? next_runner(group) : NULL;
    kn_unlock(&group->lock);
    post(group, next);
    kn_group_drop(group);
}

/* ---- the public side ------------------------------------------------------------------------- */

int koken_group_new(struct koken *rt, const struct koken_group_options *options,
                    struct koken_group **ret_group)
{
    static const struct koken_group_options none;
    const struct koken_group_options *o = options ? options : &none;
    if (!rt || !ret_group || o->max_threads > KN_WORKERS_MAX ||
        (unsigned)o->priority >= KOKEN_PRIORITY_COUNT_) {
        return -EINVAL;
    }
    unsigned max_threads = o->max_threads ? o->max_threads : rt->worker_count;
    struct koken_group *group = kn_alloc(size_of(max_threads), _Alignof(struct koken_group), -1);
    if (!group) {
        return -ENOMEM;
    }
    memset(group, 0, size_of(max_threads));
    int rc = koken_source_new(rt, &o->token, o->token.source ? 1 : 0, &group->source);
    if (rc < 0) {
        kn_free(group, size_of(max_threads), _Alignof(struct koken_group));
        return rc;
    }
    group->magic = MAGIC;
    group->rt = rt;
    group->max_threads = max_threads;
    group->keep_going = o->keep_going;
    group->prio = o->priority ? (enum kn_prio)(o->priority - KOKEN_PRIORITY_LOW) : KN_PRIO_NORMAL;
    kn_atomic_init(&group->owners, 1);
    kn_list_init(&group->enders);
    kn_list_init(&group->any_enders);
    kn_list_init(&group->accounts);
    kn_list_init(&group->ended);
    for (unsigned i = 0; i < max_threads; i++) {
        group->runners[i].group = group;
        kn_errand_init(&group->runners[i].errand, run_errand);
    }
    *ret_group = group;
    return 0;
}

void koken_group_free(struct koken_group *group)
{
    if (group) {
        KOKEN_CHECK(kn_is_group(group));
        kn_either_way(
            koken_source_cancel(group->source, KOKEN_CANCEL_SCOPE, NULL)); /* or it was before */
        kn_group_drop(group);
    }
}

int koken_group_cancel(struct koken_group *group)
{
    return kn_is_group(group) ? koken_source_cancel(group->source, KOKEN_CANCEL_USER, NULL)
                              : -EINVAL;
}

koken_token koken_group_token(struct koken_group *group)
{
    return kn_is_group(group) ? koken_source_token(group->source) : (koken_token){NULL};
}

static int run(struct koken_group *group, int (*fn)(void *arg), void *arg,
               struct kn_account *account, uint64_t *ret_task)
{
    struct kn_task *task = kn_alloc(sizeof *task, _Alignof(struct kn_task), -1);
    if (!task) {
        return -ENOMEM;
    }
    *task = (struct kn_task){NULL, fn, arg, account};
    kn_lock(&group->lock);
    if (account) {
        account->told.task = *ret_task = ++group->serial;
        kn_list_push_back(&group->accounts, &account->link);
    }
    if (group->first) {
        group->last->next = task;
    } else {
        group->first = task;
    }
    group->last = task;
    group->pending++;
    struct kn_runner *runner = next_runner(group);
    kn_unlock(&group->lock);
    post(group, runner);
    return 0;
}

int koken_group_run(struct koken_group *group, int (*fn)(void *arg), void *arg)
{
    return kn_is_group(group) && fn ? run(group, fn, arg, NULL, NULL) : -EINVAL;
}

int koken_group_submit(struct koken_group *group, const char *name, int (*fn)(void *arg), void *arg,
                       uint64_t *ret_task)
{
    uint64_t unused;
    if (!kn_is_group(group) || !fn) {
        return -EINVAL;
    }
    struct kn_account *account = kn_alloc(sizeof *account, _Alignof(struct kn_account), -1);
    if (!account) {
        return -ENOMEM;
    }
    *account = (struct kn_account){.told = {.name = name ? name : ""}, .at_ns = kn_now()};
    int rc = run(group, fn, arg, account, ret_task ? ret_task : &unused);
    if (rc < 0) {
        kn_free(account, sizeof *account, _Alignof(struct kn_account));
    }
    return rc;
}

int koken_group_task(struct koken_group *group, uint64_t task, struct koken_group_task *ret_task)
{
    int rc = -ESRCH;
    if (!kn_is_group(group) || !ret_task) {
        return -EINVAL;
    }
    kn_lock(&group->lock);
    struct kn_list *lists[] = {&group->accounts, &group->ended};
    for (unsigned i = 0; rc < 0 && i < 2; i++) {
        struct kn_list *link = lists[i]->next;
        for (; rc < 0 && link != lists[i]; link = link->next) { /* ends: a list is finite */
            const struct kn_account *account = kn_container_of(link, struct kn_account, link);
            if (account->told.task == task) {
                *ret_task = account->told;
                rc = 0;
            }
        }
    }
    kn_unlock(&group->lock);
    return rc;
}

int koken_group_stats(struct koken_group *group, struct koken_group_stats *ret_stats)
{
    if (!kn_is_group(group) || !ret_stats) {
        return -EINVAL;
    }
    kn_lock(&group->lock);
    uint64_t waiting = 0;
    for (const struct kn_task *task = group->first; task; task = task->next) { /* ends: as above */
        waiting++;
    }
    *ret_stats = (struct koken_group_stats){
        .total = group->pending + group->done + group->failed + group->cancelled,
        .waiting = waiting,
        .running = group->pending - waiting,
        .done = group->done,
        .failed = group->failed,
        .cancelled = group->cancelled,
    };
    kn_unlock(&group->lock);
    return 0;
}

int koken_group_end(struct koken_group *group, struct koken_future **ret_future)
{
    if (!kn_is_group(group) || !ret_future) {
        return -EINVAL;
    }
    struct ender *ender = kn_alloc(sizeof *ender, _Alignof(struct ender), -1);
    if (!ender) {
        return -ENOMEM;
    }
    int rc = koken_promise_new(0, &ender->promise, ret_future);
    if (rc < 0) {
        kn_free(ender, sizeof *ender, _Alignof(struct ender));
        return rc;
    }
    kn_lock(&group->lock);
    kn_list_push_back(&group->enders, &ender->link);
    tell_enders(group);
    kn_unlock(&group->lock);
    return 0;
}

/* What is left of a time-out. */
static uint64_t left_of(uint64_t deadline_ns)
{
    uint64_t now = kn_now();
    return deadline_ns == KN_NEVER ? KOKEN_NO_DEADLINE : deadline_ns > now ? deadline_ns - now : 0;
}

/* Whoever is no agent helps while it waits. */
static void help(struct koken_group *group, uint64_t deadline_ns, bool for_any)
{
    const struct kn_local *local = kn_local_here();
    if (!local || !local->running) {
        kn_lock(&group->lock);
        work(group, NULL, deadline_ns, for_any);
        struct kn_runner *next = next_runner(group);
        kn_unlock(&group->lock);
        post(group, next);
    }
}

int koken_group_wait(struct koken_group *group, uint64_t timeout_ns)
{
    struct koken_future *end;
    if (!kn_is_group(group)) {
        return -EINVAL;
    }
    if (is_inside(group)) {
        return -EDEADLK;
    }
    uint64_t deadline_ns = kn_delay_deadline(timeout_ns);
    help(group, deadline_ns, /* for_any= */ false);
    int rc = koken_group_end(group, &end);
    if (rc == 0) {
        rc = koken_future_join(end, left_of(deadline_ns));
        koken_future_drop(end);
    }
    return rc;
}

/*
 * Takes the first of those that have ended: 0; -ESRCH there is none and will be none; -EAGAIN: later, when *ender, which is
 * the group's then, is told.
 */
static int take_ended(struct koken_group *group, struct koken_group_task *ret_task,
                      struct ender **ender)
{
    struct kn_account *account = NULL;
    int rc = 0;
    kn_lock(&group->lock);
    if (!kn_list_is_empty(&group->ended)) {
        account = kn_container_of(group->ended.next, struct kn_account, link);
        kn_list_remove(&account->link);
        *ret_task = account->told;
    } else if (kn_list_is_empty(&group->accounts)) {
        rc = -ESRCH;
    } else {
        rc = -EAGAIN;
        kn_list_push_back(&group->any_enders, &(*ender)->link);
        *ender = NULL;
    }
    kn_unlock(&group->lock);
    if (account) {
        kn_free(account, sizeof *account, _Alignof(struct kn_account));
    }
    return rc;
}

int koken_group_wait_any(struct koken_group *group, uint64_t timeout_ns,
                         struct koken_group_task *ret_task)
{
    if (!kn_is_group(group) || !ret_task) {
        return -EINVAL;
    }
    if (is_inside(group)) {
        return -EDEADLK;
    }
    uint64_t deadline_ns = kn_delay_deadline(timeout_ns);
    int rc = -EAGAIN;
    while (rc == -EAGAIN) { /* ends: one for us, none any more, or out of time */
        struct koken_future *end;
        struct ender *ender = kn_alloc(sizeof *ender, _Alignof(struct ender), -1);
        rc = ender ? koken_promise_new(0, &ender->promise, &end) : -ENOMEM;
        if (rc == 0) {
            help(group, deadline_ns, /* for_any= */ true);
            rc = take_ended(group, ret_task, &ender);
            if (ender) {
                koken_promise_drop(&ender->promise);
            } else {
                int joined = koken_future_join(end, left_of(deadline_ns));
                rc = joined < 0 ? joined : rc;
            }
            koken_future_drop(end);
        }
        if (ender) {
            kn_free(ender, sizeof *ender, _Alignof(struct ender));
        }
    }
    return rc;
}
