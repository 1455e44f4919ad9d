/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How work comes to an engine. What has a key is looked for among what is under way, then in the cache, in one hold of the lock; if it
 * is in neither, it is made without the lock, and looked for once more.
 */
#include "orchestration/engine.h"

#include "base/alloc.h"
#include "orchestration/future.h"

#include <errno.h>
#include <string.h>

static int check(const struct koken_engine *engine, const struct koken_work *work)
{
    bool is_good = kn_is_engine(engine) && work && work->fn &&
                   (!work->arg_size || (work->arg && work->arg_size <= UINT32_MAX)) &&
                   (unsigned)work->priority < KOKEN_PRIORITY_COUNT_;
    if (is_good && work->key) {
        is_good = engine->cache && !work->token.source && work->value_size == engine->cached_size;
    }
    return is_good ? 0 : -EINVAL;
}

/* Work that is in no queue yet. Errors: -ENOMEM, those of sources. */
static int work_new(struct koken_engine *engine, const struct koken_work *what,
                    const unsigned char *key, struct kn_work **ret_work)
{
    size_t size = sizeof(struct kn_work) + what->arg_size;
    struct kn_work *work = kn_alloc(size, _Alignof(struct kn_work), -1);
    if (!work) {
        return -ENOMEM;
    }
    memset(work, 0, sizeof *work);
    koken_token parents[] = {{engine->source}, what->token};
    int rc = koken_source_new(engine->rt, parents, what->token.source ? 2 : 1, &work->source);
    if (rc == 0) {
        work->future = kn_future_new(what->value_size);
        rc = work->future ? 0 : -ENOMEM;
    }
    if (rc < 0) {
        koken_source_free(work->source);
        kn_free(work, size, _Alignof(struct kn_work));
        return rc;
    }
    memset(work->future->value, 0, what->value_size);
    kn_list_init(&work->tickets);
    work->engine = engine;
    work->fn = what->fn;
    work->arg = what->arg;
    work->size = size;
    work->prio = kn_engine_prio(what->priority);
    work->has_key = what->key != NULL;
    work->wanted = 1;
    work->since_ns = kn_now();
    memcpy(work->key, key, sizeof work->key);
    if (what->arg_size) {
        memcpy(work->bytes, what->arg, what->arg_size);
        work->arg = work->bytes;
    }
    *ret_work = work;
    return 0;
}

/* A submission on its way. */
struct request {
    const struct koken_work *what;
    struct kn_ticket *ticket; /* NULL: nobody will ask */
    uint64_t id;              /* of the ticket, which may be gone any time */
    unsigned char key[sizeof(void *) + KOKEN_ENGINE_KEY_MAX];
};

/* Accepted: its ticket, in the engine's hands. Called with the lock held. */
static void accept(struct koken_engine *engine, struct request *request,
                   struct koken_future *future, struct kn_work *work)
{
    engine->stats.submitted++;
    if (request->ticket) {
        kn_ticket_enter(engine, request->ticket, future, work);
        request->id = request->ticket->id;
        request->ticket = NULL;
    }
}

/* Into the queue. Called with the lock held; errors: -ECANCELED, -EAGAIN. */
static int enqueue(struct koken_engine *engine, struct request *request, struct kn_work *work)
{
    if (koken_token_check((koken_token){engine->source}) < 0) {
        return -ECANCELED;
    }
    if (engine->stats.queued + engine->stats.running >= engine->work_max) {
        engine->stats.refused++;
        return -EAGAIN;
    }
    if (work->has_key) {
        struct kn_work **place = kn_engine_same(engine, work->key);
        KN_ASSERT(!*place);
        *place = work;
    }
    kn_list_push_back(&engine->levels[work->prio], &work->link);
    engine->pending++;
    engine->stats.queued++;
    accept(engine, request, work->future, work);
    return 0;
}

/* The same work is under way. Called with the lock held. */
static bool join(struct koken_engine *engine, struct request *request)
{
    struct kn_work *work = *kn_engine_same(engine, request->key);
    if (work) {
        work->wanted++;
        engine->stats.joined++;
        accept(engine, request, work->future, work);
    }
    return work != NULL;
}

/* It was in the cache: a result for what was there. */
static int hit(struct koken_engine *engine, struct request *request, const void *value)
{
    struct koken_future *future = NULL;
    int rc = request->ticket ? koken_future_ready(value, engine->cached_size, &future) : 0;
    if (rc == 0) {
        kn_lock(&engine->lock);
        engine->stats.hits++;
        accept(engine, request, future, NULL);
        kn_unlock(&engine->lock);
        koken_future_drop(future);
    }
    return rc;
}

static void discard(struct kn_work *work)
{
    if (work) {
        koken_future_drop(work->future); /* the promise's share; the caller has the other */
        kn_work_free(work);
    }
}

/* Finds it done or under way, or puts it into the queue. */
static int submit(struct koken_engine *engine, struct request *request)
{
    unsigned char cached[KOKEN_ENGINE_CACHED_MAX];
    const void *key = request->what->key;
    struct kn_work *work = NULL;
    int rc = key ? 0 : work_new(engine, request->what, request->key, &work);
    while (rc == 0) { /* ends: in the second round there is work */
        struct koken_future *future = work ? work->future : NULL;
        kn_lock(&engine->lock);
        bool is_joined = key && join(engine, request);
        bool is_hit =
            key && !is_joined && koken_cache_get(engine->cache, request->key, cached) == 1;
        bool is_new = !is_joined && !is_hit;
        rc = is_new && work ? enqueue(engine, request, work) : 0;
        struct kn_engine_runner *runner = rc == 0 ? kn_engine_next_runner(engine) : NULL;
        kn_unlock(&engine->lock);
        kn_engine_post(engine, runner);
        if (!is_new || rc < 0) {
            discard(work);
        }
        koken_future_drop(future);
        if (!is_new || rc < 0 || work) {
            return is_hit ? hit(engine, request, cached) : rc;
        }
        rc = work_new(engine, request->what, request->key, &work);
    }
    return rc;
}

int koken_engine_submit(struct koken_engine *engine, const struct koken_work *work,
                        uint64_t *ret_id)
{
    struct request request = {.what = work};
    int rc = check(engine, work);
    if (rc == 0 && work->key) {
        memcpy(request.key, &work->fn, sizeof work->fn);
        memcpy(request.key + sizeof work->fn, work->key, engine->key_size);
    }
    if (rc == 0 && ret_id) {
        request.ticket = kn_ticket_new();
        rc = request.ticket ? 0 : -ENOMEM;
    }
    rc = rc < 0 ? rc : submit(engine, &request);
    kn_ticket_free(request.ticket); /* it was not accepted */
    if (rc == 0 && ret_id) {
        *ret_id = request.id;
    }
    return rc;
}
