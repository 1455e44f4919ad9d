/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a set of tasks, and of a channel: orchestration/async.c and channel.c as they stand, without tasks and without
 * anybody who waits. The last user and the end of the runtime meet: one of them frees it, once, and the other has let go
 * of it by then.
 */
#include "test/model/lib/model.h"

uint64_t kn_entropy(void);

#include "orchestration/async.c"
#define end(ending, rt) end_of_channel(ending, rt)
#include "mailbox/channel.c"
#include "orchestration/channel.c"
#undef end
#include "sched/lock.c"

static struct koken rt;
static struct koken_async *async;
static struct koken_channel *channel;
static struct kn_ending *ending; /* that is entered */
static uint64_t freed;
static const struct koken_type item_type = {"item", 8, 8, NULL, 0, 0, NULL};

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

/* Nobody waits at a channel. */
kn_atomic(struct kn_chunk *) kn_chunks[KN_CHUNKS_MAX];

void kn_channel_post(const struct kn_wake *who, struct kn_local *local)
{
    (void)who, (void)local;
}

void kn_agent_nudge(struct kn_local *local, struct kn_agent *a)
{
    (void)local, (void)a;
}

void kn_alone_visit(struct koken *runtime)
{
    KOKEN_CHECK(runtime == &rt);
}

void kn_alone_depart(struct koken *runtime)
{
    KOKEN_CHECK(runtime == &rt);
}

/* As in actors/stop.c. */
void kn_ending_leave(struct koken *runtime, struct kn_ending *left)
{
    pthread_mutex_lock(&runtime->endings_lock);
    KOKEN_CHECK(!ending || ending == left);
    ending = NULL;
    pthread_mutex_unlock(&runtime->endings_lock);
}

static void end_runtime(void)
{
    pthread_mutex_lock(&rt.endings_lock);
    if (ending) {
        ending->end(ending, &rt);
    }
    pthread_mutex_unlock(&rt.endings_lock);
}

/* ---- scenarios ------------------------------------------------------------------------------------------- */

static void start(void)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    pthread_mutex_init(&rt.endings_lock, NULL);
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
    ending = &async->ending;
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

static void start_channel(void)
{
    kn_model_thread_local(&kn_worker_self, sizeof kn_worker_self);
    pthread_mutex_init(&rt.endings_lock, NULL);
    channel = kn_alloc(sizeof *channel, _Alignof(struct koken_channel), -1);
    memset(channel, 0, sizeof *channel);
    kn_channel_init(&channel->core, &item_type, 0, 8, NULL);
    channel->ending.end = end_of_channel;
    kn_atomic_init(&channel->refs, 1);
    kn_atomic_init(&channel->rt, &rt);
    ending = &channel->ending;
}

static void start_channel_of_two(void)
{
    start_channel();
    kn_atomic_init(&channel->refs, 2);
}

static void give_channel_back(void)
{
    KOKEN_CHECK(koken_channel_unref(channel) == NULL);
}

/* A use, and its own share back. */
static void use_and_give_back(void)
{
    int rc = koken_channel_close(channel);
    KOKEN_CHECK(rc == 0 || rc == -EALREADY);
    KOKEN_CHECK(koken_channel_unref(channel) == NULL);
}

static void check_destroyed(void)
{
    KOKEN_CHECK(ending == NULL);
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
    {"a channel, given back while the runtime ends",
     start_channel,
     {give_channel_back, end_runtime},
     NULL},
    {"a channel of two, given back",
     start_channel_of_two,
     {give_channel_back, give_channel_back},
     check_destroyed},
    {"a channel of two, while the runtime ends",
     start_channel_of_two,
     {use_and_give_back, give_channel_back, end_runtime},
     NULL,
     .limit = 4000},
    {0},
};

int main(int argc, char **argv)
{
    return kn_model_main(argc, argv, scenarios);
}
