/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a set of tasks: orchestration/async.c as it stands, without tasks. Its last user and the end of its runtime
 * meet: one of them frees it, once, and the other has let go of it by then.
 */
#include "test/model/lib/model.h"

#include "orchestration/async.c"
#include "sched/lock.c"

static struct koken rt;
static struct koken_async *async;
static uint64_t freed;

/* ---- what is left out ------------------------------------------------------------------------------------ */

KN_TLS struct kn_worker *kn_worker_self;

struct kn_worker *kn_worker_current(void)
{
    return NULL;
}

void kn_rcu_visit(void)
{
}

void kn_rcu_depart(void)
{
}

/* Of tasks, which there are none of. */
int kn_future_complete(struct koken_future *future, int error, const void *value)
{
    (void)future, (void)error, (void)value;
    return 0;
}

int koken_promise_done(koken_promise *promise)
{
    (void)promise;
    return 0;
}

enum koken_cancel_reason koken_token_reason(koken_token token)
{
    (void)token;
    return KOKEN_CANCEL_USER;
}

enum kn_unhooked kn_source_unhook(struct koken_source *source, struct kn_hook *hook)
{
    (void)source, (void)hook;
    return KN_UNHOOKED;
}

int koken_source_cancel(struct koken_source *source, enum koken_cancel_reason reason,
                        const char *text)
{
    (void)source, (void)reason, (void)text;
    return 0;
}

void koken_source_free(struct koken_source *source)
{
    (void)source;
    freed++;
}

/* As in actors/stop.c. */
static bool is_entered;

void kn_ending_leave(struct koken *runtime, struct kn_ending *ending)
{
    pthread_mutex_lock(&runtime->endings_lock);
    KOKEN_CHECK(ending == &async->ending);
    is_entered = false;
    pthread_mutex_unlock(&runtime->endings_lock);
}

static void end_runtime(void)
{
    pthread_mutex_lock(&rt.endings_lock);
    if (is_entered) {
        async->ending.end(&async->ending, &rt);
    }
    pthread_mutex_unlock(&rt.endings_lock);
}

/* ---- scenarios ------------------------------------------------------------------------------------------- */

static void start(void)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    pthread_mutex_init(&rt.endings_lock, NULL);
    is_entered = true;
    freed = 0;
    async = kn_alloc(sizeof *async, _Alignof(struct koken_async), -1);
    memset(async, 0, sizeof *async);
    async->magic = MAGIC;
    kn_atomic_init(&async->owners, 1);
    kn_atomic_init(&async->rt, &rt);
    kn_atomic_init(&async->lock.word, 0);
    kn_list_init(&async->tasks);
    kn_list_init(&async->enders);
    async->ending.end = end;
}

static void start_two(void)
{
    start();
    kn_atomic_init(&async->owners, 2);
}

/* A task's share, say. */
static void give_back(void)
{
    struct koken_async_stats stats;
    KOKEN_CHECK(koken_async_stats_get(async, &stats) == 0);
    drop(async);
}

static void check_freed(void)
{
    KOKEN_CHECK(freed == 1);
}

static const struct kn_scenario scenarios[] = {
    {"freed while the runtime ends", start, {give_back, end_runtime}, check_freed},
    {"freed by two while the runtime ends",
     start_two,
     {give_back, give_back, end_runtime},
     check_freed,
     .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
